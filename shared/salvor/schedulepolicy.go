package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SchedulePolicy is when to back up, and how much to keep.
type SchedulePolicy struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       SchedulePolicySpec `json:"spec"`
}

// SchedulePolicySpec is exactly one of Interval, Daily, Weekly, Monthly and Cron, in a time zone.
type SchedulePolicySpec struct {
	// TimeZone is an IANA name such as Europe/Berlin. Default: UTC.
	TimeZone string `json:"timeZone,omitempty"`
	// Interval is the time from one run to the next, at least one minute, in whole seconds: 90m, 24h.
	Interval *metav1.Duration `json:"interval,omitempty" jsonschema:"oneof_required=interval"`
	// Daily, Weekly and Monthly name times of the day in the time zone. One that does not exist on a day, because clocks go
	// forward, runs at the next instant that does; one that exists twice runs once, the first time.
	Daily   *DailyPolicy   `json:"daily,omitempty" jsonschema:"oneof_required=daily"`
	Weekly  *WeeklyPolicy  `json:"weekly,omitempty" jsonschema:"oneof_required=weekly"`
	Monthly *MonthlyPolicy `json:"monthly,omitempty" jsonschema:"oneof_required=monthly"`
	// Cron is an EventBridge cron expression without its parentheses: minute hour day month weekday year.
	Cron string `json:"cron,omitempty" jsonschema:"oneof_required=cron"`
	// Retention is how much to keep. Empty: everything.
	Retention Retention `json:"retention,omitzero"`
}

// DailyPolicy runs every day.
type DailyPolicy struct {
	// Times are wall-clock times, HH:MM, 00:00 to 23:59.
	Times []string `json:"times" jsonschema:"minItems=1,uniqueItems=true,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
}

// WeeklyPolicy runs on some days of the week.
type WeeklyPolicy struct {
	// Days are Monday to Sunday.
	Days []string `json:"days" jsonschema:"minItems=1,uniqueItems=true,enum=Monday,enum=Tuesday,enum=Wednesday,enum=Thursday,enum=Friday,enum=Saturday,enum=Sunday"`
	// Times as in DailyPolicy.
	Times []string `json:"times" jsonschema:"minItems=1,uniqueItems=true,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
}

// MonthlyPolicy runs on some days of the month.
type MonthlyPolicy struct {
	// Days are 1 to 31; -1 is the last day. A month that lacks a day has no run for it.
	Days []int `json:"days" jsonschema:"minItems=1,uniqueItems=true,minimum=-1,maximum=31"`
	// Times as in DailyPolicy.
	Times []string `json:"times" jsonschema:"minItems=1,uniqueItems=true,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
}
