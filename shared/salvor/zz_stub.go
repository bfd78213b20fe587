package salvor

import "k8s.io/apimachinery/pkg/util/validation/field"

func (o *Cluster) Default()                         {}
func (o *Cluster) Validate() field.ErrorList        { return nil }
func (o *BackupLocation) Default()                  {}
func (o *BackupLocation) Validate() field.ErrorList { return nil }
func (o *Rule) Default()                            {}
func (o *Rule) Validate() field.ErrorList           { return nil }
func (o *SchedulePolicy) Default()                  {}
func (o *SchedulePolicy) Validate() field.ErrorList { return nil }
func (o *BackupSchedule) Default()                  {}
func (o *BackupSchedule) Validate() field.ErrorList { return nil }
func (o *Backup) Default()                          {}
func (o *Backup) Validate() field.ErrorList         { return nil }
func (o *Restore) Default()                         {}
func (o *Restore) Validate() field.ErrorList        { return nil }
