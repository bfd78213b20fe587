package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SchedulePolicy is when to back up, and how much to keep.
type SchedulePolicy struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       SchedulePolicySpec   `json:"spec"`
	Status     SchedulePolicyStatus `json:"status,omitzero"`
}

// SchedulePolicySpec is exactly one of Interval, Rate, Daily, Weekly, Monthly and Cron, in a time zone.
type SchedulePolicySpec struct {
	// TimeZone is an IANA name such as Europe/Berlin. Default: UTC.
	TimeZone string `json:"timeZone,omitempty"`
	// Interval is the time from one run to the next, at least one minute, in whole seconds: 90m, 24h. It is real time, whatever
	// clocks do, and counts from startDate; without one, from when the schedule was made.
	Interval *metav1.Duration `json:"interval,omitempty" jsonschema:"oneof_required=interval"`
	// Rate is an EventBridge rate expression without rate( and ): 5 minutes, 1 hour, 2 days. It means the same as an interval.
	Rate string `json:"rate,omitempty" jsonschema:"oneof_required=rate,pattern=^[1-9][0-9]?[0-9]?[0-9]?[0-9]? (minute|hour|day)s?$"`
	// Daily, Weekly and Monthly name times of the day in the time zone. One that does not exist on a day, because clocks go
	// forward, runs at the next instant that does; one that exists twice runs once, the first time.
	Daily   *DailyPolicy   `json:"daily,omitempty" jsonschema:"oneof_required=daily"`
	Weekly  *WeeklyPolicy  `json:"weekly,omitempty" jsonschema:"oneof_required=weekly"`
	Monthly *MonthlyPolicy `json:"monthly,omitempty" jsonschema:"oneof_required=monthly"`
	// Cron is an EventBridge cron expression without its parentheses: minute hour day month weekday year.
	Cron string `json:"cron,omitempty" jsonschema:"oneof_required=cron"`
	// StartDate and EndDate are the first and the last day with runs, YYYY-MM-DD, in the time zone. Default: no bound.
	StartDate string `json:"startDate,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
	EndDate   string `json:"endDate,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
	// Jitter lets each run begin up to that much later than its time, so that not all begin at once: always the same for a
	// schedule and cluster, and another for others. In whole seconds, at most 24h, and less than the interval. A run is called
	// after its time all the same.
	Jitter metav1.Duration `json:"jitter,omitzero"`
	// MissedRuns says what becomes of runs that nobody could begin within 5m of their time. Default: RunOnce.
	MissedRuns MissedRuns `json:"missedRuns,omitempty"`
	// MissedWindow is how long after its time a missed run may still be made up for, with RunOnce. Default: 840h, 35 days.
	MissedWindow metav1.Duration `json:"missedWindow,omitzero"`
	// Blackouts are times in which no run begins. A run whose time, or its time and jitter, lies in one is left out.
	Blackouts []Blackout `json:"blackouts,omitempty"`
	// Retention is how much to keep. Empty: everything.
	Retention Retention `json:"retention,omitzero"`
}

// SchedulePolicyStatus is set by Salvor.
type SchedulePolicyStatus struct {
	// Since is when the times of the policy were last changed: runs before it were not missed.
	Since metav1.Time `json:"since,omitzero"`
}

// MissedRuns says what becomes of runs that were missed.
type MissedRuns string

// The choices of MissedRuns.
const (
	// MissedRunsSkip leaves them out.
	MissedRunsSkip MissedRuns = "Skip"
	// MissedRunsRunOnce makes up for the newest of them, when its missedWindow is not over.
	MissedRunsRunOnce MissedRuns = "RunOnce"
)

// DailyPolicy runs every day.
type DailyPolicy struct {
	// Times are wall-clock times, HH:MM, 00:00 to 23:59.
	Times []string `json:"times" jsonschema:"minItems=1,uniqueItems=true,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
}

// WeeklyPolicy runs on some days of the week.
type WeeklyPolicy struct {
	// Every is 2 for every second week, and so on, at most 52. Weeks begin on Monday, and are counted from that of startDate;
	// without one, from that in which the schedule was made. Default: 1, every week.
	Every int `json:"every,omitempty" jsonschema:"minimum=0,maximum=52"`
	// Days are Monday to Sunday.
	Days []string `json:"days" jsonschema:"minItems=1,uniqueItems=true,enum=Monday,enum=Tuesday,enum=Wednesday,enum=Thursday,enum=Friday,enum=Saturday,enum=Sunday"`
	// Times as in DailyPolicy.
	Times []string `json:"times" jsonschema:"minItems=1,uniqueItems=true,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
}

// MonthlyPolicy runs on some days of the month: at least one of Days and Weekdays.
type MonthlyPolicy struct {
	// Days are 1 to 31; -1 is the last day. A month that lacks a day has no run for it.
	Days []int `json:"days,omitempty" jsonschema:"uniqueItems=true,minimum=-1,maximum=31"`
	// Weekdays are such as first Monday, third Sunday or last Friday: first to fourth, and last.
	Weekdays []string `json:"weekdays,omitempty" jsonschema:"uniqueItems=true,pattern=^(first|second|third|fourth|last) (Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)$"`
	// Months are January to December. Default: all.
	Months []string `json:"months,omitempty" jsonschema:"uniqueItems=true,enum=January,enum=February,enum=March,enum=April,enum=May,enum=June,enum=July,enum=August,enum=September,enum=October,enum=November,enum=December"`
	// Times as in DailyPolicy.
	Times []string `json:"times" jsonschema:"minItems=1,uniqueItems=true,pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
}

// Blackout is a time, in the policy's zone, in which no run begins. All that it says must hold; it says something.
type Blackout struct {
	// Days are the days of the week on which it begins. Default: all.
	Days []string `json:"days,omitempty" jsonschema:"uniqueItems=true,enum=Monday,enum=Tuesday,enum=Wednesday,enum=Thursday,enum=Friday,enum=Saturday,enum=Sunday"`
	// From and To are wall-clock times, HH:MM; a To that is not after From is of the next day, and not in it any more. Default:
	// the whole day.
	From string `json:"from,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	To   string `json:"to,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	// StartDate and EndDate are the first and last day on which it begins, YYYY-MM-DD. Default: no bound.
	StartDate string `json:"startDate,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
	EndDate   string `json:"endDate,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
}
