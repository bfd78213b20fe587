package schedules_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"salvor.io/salvor/functions/internal/schedules"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
)

// What Scheduler refuses is the caller's mistake, and what it can't do now may be tried again.
func TestWhatSchedulerRefuses(t *testing.T) {
	for kind, want := range map[string]salvor.Code{"ValidationException": salvor.Invalid, "ThrottlingException": salvor.Unavailable, "InternalServerException": salvor.Unavailable} {
		aside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amzn-Errortype", kind)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"Message":"Invalid Schedule Expression cron(0 3 ? * 2#6 *)."}`))
		}))
		t.Cleanup(aside.Close)
		c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		policy := salvor.New(salvor.KindSchedulePolicy).(*salvor.SchedulePolicy)
		policy.Name, policy.Spec.Cron = "first", "0 3 ? * 2#1 *"
		schedule := salvor.New(salvor.KindBackupSchedule).(*salvor.BackupSchedule)
		schedule.Name, schedule.Spec.Policy = "nightly", "first"
		for _, o := range []salvor.Object{policy, schedule} {
			if err := c.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		config := aws.Config{Region: "eu-central-1", BaseEndpoint: &aside.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
		sync := schedules.New(config, c, time.Now, schedules.Config{Group: "salvor", Role: "r", Target: "t", DeadLetters: "d"})
		if err := sync.Changed(t.Context(), salvor.KindBackupSchedule, "nightly"); salvor.CodeOf(err) != want {
			t.Errorf("%s becomes %s: %v", kind, salvor.CodeOf(err), err)
		}
	}
}
