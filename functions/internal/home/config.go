package home

import (
	"fmt"
	"log/slog"
	"strings"
)

// Config is what the template tells a function.
type Config struct {
	// Table is the catalog's DynamoDB table (SALVOR_TABLE).
	Table string
	// CatalogID is the catalog's id in the owner.json of each location: the table's ARN (SALVOR_CATALOG_ID).
	CatalogID string
	// StateMachine is the ARN of the state machine that goes on with work that outlives one invocation (SALVOR_STATE_MACHINE).
	StateMachine string
	// Wakes is the URL of the queue that wakes the watchdog (SALVOR_WAKES).
	Wakes string
	// Syncs is the URL of the queue of syncs that are asked for (SALVOR_SYNCS).
	Syncs string
	// ScheduleGroup holds the schedules at EventBridge; ScheduleRole invokes ScheduleTarget, and what can't be delivered goes
	// to ScheduleDeadLetters (SALVOR_SCHEDULE_GROUP, _ROLE, _TARGET, _DEAD_LETTERS): a name, and ARNs.
	ScheduleGroup, ScheduleRole, ScheduleTarget, ScheduleDeadLetters string
	// Stack is the stack's name, the dimension of metrics (SALVOR_STACK).
	Stack string
	// Traces is the address that traces are sent to, by UDP; empty: nobody wants any (AWS_XRAY_DAEMON_ADDRESS, which Lambda sets).
	Traces string
	// LogLevel is debug, info, warn or error (SALVOR_LOG_LEVEL). Default: info.
	LogLevel slog.Level
	// Function and Version are Lambda's own names of this code (AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION).
	Function, Version string
	// Salvor is the version of this program, for manifests.
	Salvor string
}

// Need is a variable that a function can't do without.
type Need string

// The variables that the template sets.
const (
	Table        Need = "SALVOR_TABLE"
	CatalogID    Need = "SALVOR_CATALOG_ID"
	StateMachine Need = "SALVOR_STATE_MACHINE"
	Wakes        Need = "SALVOR_WAKES"
	Syncs        Need = "SALVOR_SYNCS"

	ScheduleGroup       Need = "SALVOR_SCHEDULE_GROUP"
	ScheduleRole        Need = "SALVOR_SCHEDULE_ROLE"
	ScheduleTarget      Need = "SALVOR_SCHEDULE_TARGET"
	ScheduleDeadLetters Need = "SALVOR_SCHEDULE_DEAD_LETTERS"
)

func readConfig(getenv func(string) string, needs []Need) (Config, error) {
	var missing []string
	for _, n := range append([]Need{Table}, needs...) {
		if getenv(string(n)) == "" {
			missing = append(missing, string(n))
		}
	}
	if len(missing) > 0 {
		return Config{}, fmt.Errorf("reading the environment: %s is not set; template.yaml sets it", strings.Join(missing, ", "))
	}
	c := Config{Table: getenv(string(Table)), CatalogID: getenv(string(CatalogID)), StateMachine: getenv(string(StateMachine)), Wakes: getenv(string(Wakes)), Syncs: getenv(string(Syncs)),
		ScheduleGroup: getenv(string(ScheduleGroup)), ScheduleRole: getenv(string(ScheduleRole)),
		ScheduleTarget: getenv(string(ScheduleTarget)), ScheduleDeadLetters: getenv(string(ScheduleDeadLetters)),
		Stack: getenv("SALVOR_STACK"), Traces: getenv("AWS_XRAY_DAEMON_ADDRESS"), Function: getenv("AWS_LAMBDA_FUNCTION_NAME"), Version: getenv("AWS_LAMBDA_FUNCTION_VERSION")}
	if level := getenv("SALVOR_LOG_LEVEL"); level != "" {
		if err := c.LogLevel.UnmarshalText([]byte(level)); err != nil {
			return Config{}, fmt.Errorf("reading the environment: SALVOR_LOG_LEVEL: %q is not one of debug, info, warn and error", level)
		}
	}
	return c, nil
}
