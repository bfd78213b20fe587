package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/openapi"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// api is a server on a real catalog; each exchange is held against infra/openapi.yaml.
type api struct {
	t       *testing.T
	server  *httpapi.Server
	handler http.Handler
	catalog *sqlite.Catalog
	doc     *openapi.Document
	worked  []string
	changed []string
	logs    bytes.Buffer
}

func newAPI(t *testing.T) *api {
	t.Helper()
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, catalog: c, doc: doc}
	clock := func() time.Time { return now }
	a.server = &httpapi.Server{Catalog: c, Now: clock, Log: slog.New(slog.NewJSONHandler(&a.logs, nil)),
		Backups:  &backup.Engine{Catalog: c, Now: clock},
		Restores: &restore.Engine{Catalog: c, Now: clock},
		WorkOnBackup: func(_ context.Context, b *salvor.Backup) error {
			a.worked = append(a.worked, b.Name)
			return nil
		},
		WorkOnRestore: func(_ context.Context, r *salvor.Restore) error {
			a.worked = append(a.worked, r.Name)
			return nil
		},
		Changed: func(_ context.Context, kind, name string) error {
			a.changed = append(a.changed, kind+"/"+name)
			return nil
		},
	}
	a.server.Schedules = a.server.Backups.(*backup.Engine).Schedules(c, a.server.WorkOnBackup)
	a.handler = a.server.Handler()
	return a
}

// call sends a request; headers are name and value in turn.
func (a *api) call(want int, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequestWithContext(httpapi.WithCaller(a.t.Context(), "arn:aws:iam::1:user/me"), method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if w.Code != want {
		a.t.Fatalf("%s %s is answered %d instead of %d: %s", method, path, w.Code, want, w.Body)
	}
	if err := a.doc.Check(r, []byte(body), w.Code, w.Header(), w.Body.Bytes()); err != nil {
		a.t.Error(err)
	}
	return w
}

// Objects of each kind, as a user writes them.
var objects = map[string]string{
	"clusters":         `{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"prod"},"spec":{"eks":{"arn":"arn:aws:eks:eu-central-1:444455556666:cluster/prod"}}}`,
	"locations":        `{"apiVersion":"salvor.io/v1","kind":"BackupLocation","metadata":{"name":"bucket"},"spec":{"s3":{"bucket":"some-bucket"}}}`,
	"rules":            `{"apiVersion":"salvor.io/v1","kind":"Rule","metadata":{"name":"freeze"},"spec":{"subRules":[{"podSelectors":[{}],"actions":[{"shell":"sync"}]}]}}`,
	"schedulepolicies": `{"apiVersion":"salvor.io/v1","kind":"SchedulePolicy","metadata":{"name":"nightly"},"spec":{"daily":{"times":["02:00"]}}}`,
	"schedules":        `{"apiVersion":"salvor.io/v1","kind":"BackupSchedule","metadata":{"name":"shop"},"spec":{"policy":"nightly","template":{"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":["shop"]},"preExecRule":"freeze"}}}}`,
}

var order = []string{"clusters", "locations", "rules", "schedulepolicies", "schedules"}

func (a *api) fill() {
	a.t.Helper()
	for _, path := range order {
		a.call(201, "POST", "/v1/"+path, objects[path])
	}
}

func nameOf(path string) string {
	var o struct{ Metadata struct{ Name string } }
	_ = json.Unmarshal([]byte(objects[path]), &o)
	return o.Metadata.Name
}

func TestObjectsAreKept(t *testing.T) {
	a := newAPI(t)
	a.fill()
	for _, path := range order {
		one := "/v1/" + path + "/" + nameOf(path)
		a.call(409, "POST", "/v1/"+path, objects[path])
		got := a.call(200, "GET", one, "")
		tag := got.Header().Get("ETag")
		if !strings.Contains(got.Body.String(), `"requestedBy":"arn:aws:iam::1:user/me"`) || !strings.Contains(got.Body.String(), "2026-11-22T12:00:00Z") {
			t.Errorf("%s does not say who made it, and when: %s", one, got.Body)
		}
		a.call(304, "GET", one, "", "If-None-Match", tag)
		a.call(428, "PUT", one, objects[path])
		a.call(412, "PUT", one, objects[path], "If-None-Match", "*")
		labelled := strings.Replace(objects[path], `"metadata":{`, `"metadata":{"labels":{"a":"b"},`, 1)
		if again := a.call(200, "PUT", one, labelled, "If-Match", tag).Header().Get("ETag"); again == tag {
			t.Errorf("%s keeps its ETag", one)
		}
		a.call(412, "PUT", one, objects[path], "If-Match", tag)
		a.call(412, "DELETE", one, "", "If-Match", tag)
		a.call(400, "PUT", "/v1/"+path+"/other", objects[path], "If-None-Match", "*")
		a.call(404, "GET", "/v1/"+path+"/other", "")
		if list := a.call(200, "GET", "/v1/"+path+"?limit=1", ""); !strings.Contains(list.Body.String(), `"items":[{`) {
			t.Errorf("the list of %s is %s", path, list.Body)
		}
	}
	if len(a.changed) == 0 {
		t.Error("nobody was told of changes")
	}
}

// A put makes what is not there, when it insists on that.
func TestObjectsAreMadeByPut(t *testing.T) {
	a := newAPI(t)
	for _, path := range order {
		one := "/v1/" + path + "/" + nameOf(path)
		a.call(404, "PUT", one, objects[path], "If-Match", `"1"`)
		made := a.call(201, "PUT", one, objects[path], "If-None-Match", "*")
		if made.Header().Get("Location") != one || made.Header().Get("ETag") != a.call(200, "GET", one, "").Header().Get("ETag") {
			t.Errorf("PUT %s answers %v", one, made.Header())
		}
	}
}

func TestWhatASchedulesUsesIsKept(t *testing.T) {
	a := newAPI(t)
	a.fill()
	for _, path := range order[:4] {
		a.call(409, "DELETE", "/v1/"+path+"/"+nameOf(path), "")
	}
	a.call(204, "DELETE", "/v1/schedules/shop", "")
	for _, path := range order[:4] {
		a.call(204, "DELETE", "/v1/"+path+"/"+nameOf(path), "")
		a.call(404, "DELETE", "/v1/"+path+"/"+nameOf(path), "")
	}
}

// A cluster of which an application may be frozen can't be forgotten, nor can its name mean another.
func TestAClusterThatIsOwedAThawIsKept(t *testing.T) {
	a := newAPI(t)
	a.fill()
	a.call(204, "DELETE", "/v1/schedules/shop", "")
	etag := a.call(200, "GET", "/v1/clusters/prod", "").Header().Get("ETag")
	cluster := func(account, role string) string {
		return fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"prod"},"spec":{"eks":{"arn":"arn:aws:eks:eu-west-1:%s:cluster/prod","roleARN":"arn:aws:iam::%s:role/%s"}}}`, account, account, role)
	}
	etag = a.call(200, "PUT", "/v1/clusters/prod", cluster("123456789012", "a"), "If-Match", etag).Header().Get("ETag")

	b := &salvor.Backup{ObjectMeta: salvor.ObjectMeta{Name: "frozen", CreationTimestamp: metav1.NewTime(now)}, Spec: salvor.BackupSpec{Cluster: "prod", Location: "bucket"}}
	b.Default()
	b.Status = salvor.BackupStatus{Phase: salvor.PhaseFailed, ClusterID: "prod", Thaw: &salvor.OwedThaw{Namespaces: []string{"shop"}, Since: metav1.NewTime(now)}}
	if err := a.catalog.CreateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f := salvor.New(salvor.KindFreeze).(*salvor.Freeze)
	f.Name, f.Spec = salvor.FreezeName("prod", "shop"), salvor.FreezeSpec{Backup: b.ID(), Namespace: "shop"}
	if err := a.catalog.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if body := a.call(409, "DELETE", "/v1/clusters/prod", "").Body.String(); !strings.Contains(body, `backup \"frozen\" owes a thaw to shop`) {
		t.Errorf("it says %s", body)
	}
	a.call(409, "PUT", "/v1/clusters/prod", cluster("999999999999", "a"), "If-Match", etag)
	a.call(200, "PUT", "/v1/clusters/prod", cluster("123456789012", "b"), "If-Match", etag) // perhaps it is what the thaw lacks
	a.call(204, "DELETE", "/v1/locations/bucket", "")
}

const oneBackup = `{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":"b1"},"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":["shop"]}}}`

func TestBackupsAreBegunOnceAndWorkedOn(t *testing.T) {
	a := newAPI(t)
	a.fill()
	if got := a.call(202, "POST", "/v1/backups", oneBackup); got.Header().Get("Location") != "/v1/backups/prod/b1" {
		t.Errorf("it is at %s", got.Header().Get("Location"))
	}
	a.call(202, "POST", "/v1/backups", oneBackup)
	a.call(409, "POST", "/v1/backups", strings.Replace(oneBackup, `["shop"]`, `["other"]`, 1))
	a.call(400, "POST", "/v1/backups", strings.Replace(oneBackup, `"bucket"`, `"nowhere"`, 1))
	tag := a.call(200, "GET", "/v1/backups/prod/b1", "").Header().Get("ETag")
	a.call(304, "GET", "/v1/backups/prod/b1", "", "If-None-Match", tag)
	a.call(202, "POST", "/v1/backups/prod/b1/hold?reason=audit", "")
	a.call(409, "DELETE", "/v1/backups/prod/b1", "")
	a.call(202, "POST", "/v1/backups/prod/b1/release", "")
	a.call(202, "POST", "/v1/backups/prod/b1/cancel", "")
	a.call(409, "POST", "/v1/backups/prod/b1/cancel", "")
	a.call(202, "DELETE", "/v1/backups/prod/b1", "")
	a.call(404, "DELETE", "/v1/backups/prod/b2", "")
	if got := strings.Join(a.worked, " "); got != "b1 b1 b1" {
		t.Errorf("worked on %s", got)
	}
}

// Nobody works on a backup that its worker has let go of: when it is canceled somebody has to remove what was cut for it.
func TestWhatWasCutForACanceledBackupIsRemoved(t *testing.T) {
	a := newAPI(t)
	a.fill()
	a.call(202, "POST", "/v1/backups", oneBackup)
	_, err := catalog.MutateBackup(t.Context(), a.server.Catalog, salvor.BackupID{ClusterID: "prod", Name: "b1"}, func(b *salvor.Backup) error {
		b.Status.Phase, b.Status.Lease.Epoch = salvor.PhaseCapturing, 1
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.call(202, "POST", "/v1/backups/prod/b1/cancel", "")
	if got := strings.Join(a.worked, " "); got != "b1 b1" {
		t.Errorf("worked on %s", got)
	}
}

func TestRestoresAreBegunOnce(t *testing.T) {
	a := newAPI(t)
	a.fill()
	one := `{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"r1"},"spec":{"sourceCluster":"prod","backup":"b1","targetCluster":"prod"}}`
	a.call(202, "POST", "/v1/restores", one)
	a.call(202, "POST", "/v1/restores", one)
	a.call(409, "POST", "/v1/restores", strings.Replace(one, `"b1"`, `"b2"`, 1))
	a.call(409, "DELETE", "/v1/restores/r1", "")
	a.call(200, "GET", "/v1/restores", "")
	a.call(202, "POST", "/v1/restores/r1/cancel", "")
	tag := a.call(200, "GET", "/v1/restores/r1", "").Header().Get("ETag")
	a.call(304, "GET", "/v1/restores/r1", "", "If-None-Match", tag)
	a.call(204, "DELETE", "/v1/restores/r1", "")
}

func TestMistakesAreAllNamed(t *testing.T) {
	a := newAPI(t)
	for body, says := range map[string]string{
		`{`:                  "not JSON",
		`{"kind":"Cluster"}`: "apiVersion",
		`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"X y"},"spec":{"kes":{}}}`: "spec.kes",
		objects["rules"]: "does not hold one Cluster",
	} {
		w := a.call(400, "POST", "/v1/clusters", body)
		if !strings.Contains(w.Body.String(), says) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s is answered %s", body, w.Body)
		}
	}
	a.call(413, "POST", "/v1/clusters", `{"x":"`+strings.Repeat("x", 500<<10)+`"}`)
	for _, query := range []string{"frm=today", "limit=0", "limit=x", "from=never", "zone=Mars", "on=3h", "on=today&from=today", "cursor=x", "phase=Odd", "labels=%3D%3D", "namespace=a&namespace=b"} {
		a.call(400, "GET", "/v1/backups?"+query, "")
	}
	a.call(404, "GET", "/v2/backups", "")
}

// backups at these times, in days before now, newest last.
func (a *api) backups(n int, pad int) {
	a.t.Helper()
	for i := range n {
		at := now.Add(-time.Duration(n-1-i) * 24 * time.Hour)
		b := salvor.New(salvor.KindBackup).(*salvor.Backup)
		b.Name, b.CreationTimestamp = fmt.Sprintf("b-%03d", i), metav1.NewTime(at)
		b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "bucket", Scope: salvor.Scope{Namespaces: []string{"shop"}}}
		b.Status = salvor.BackupStatus{Phase: salvor.PhaseCompleted, ClusterID: "prod", CutAt: metav1.NewMicroTime(at), Namespaces: []string{"shop"}, Message: strings.Repeat("x", pad)}
		if err := a.catalog.CreateBackup(a.t.Context(), b); err != nil {
			a.t.Fatal(err)
		}
	}
}

func (a *api) names(path string) (names []string, next string) {
	a.t.Helper()
	var page struct {
		Items []salvor.Backup
		Next  string
	}
	if err := json.Unmarshal(a.call(200, "GET", path, "").Body.Bytes(), &page); err != nil {
		a.t.Fatal(err)
	}
	for _, b := range page.Items {
		names = append(names, b.Name)
	}
	return names, page.Next
}

func TestSearchByDate(t *testing.T) {
	a := newAPI(t)
	a.backups(5, 0) // b-004 is of today noon, b-000 of four days before
	for query, want := range map[string]string{
		"":                              "b-004 b-003 b-002 b-001 b-000",
		"on=yesterday":                  "b-003",
		"from=2026-11-20&to=2026-11-21": "b-003 b-002",
		"last=2d":                       "b-004 b-003 b-002",
		"to=2026-11-19T12:00:00Z":       "b-001 b-000",
		"namespace=shop&phase=Completed,Failed&limit=2": "b-004 b-003",
		"phase=Failed&phase=Completed&limit=1":          "b-004",
		"namespace=other":                               "",
		"on=2026-11-21&zone=Pacific/Kiritimati":         "b-002", // noon in UTC is the next day there
		"name=b-00[01]&cluster=prod":                    "b-001 b-000",
	} {
		if got, _ := a.names("/v1/backups?" + query); strings.Join(got, " ") != want {
			t.Errorf("%s finds %v, want %s", query, got, want)
		}
	}
}

// A page is about a megabyte at most, whatever was asked for, and its cursor goes on where it ends.
func TestPagesAreBounded(t *testing.T) {
	a := newAPI(t)
	a.backups(30, 100<<10)
	var all []string
	pages := 0
	for cursor := ""; ; pages++ {
		names, next := a.names("/v1/backups?limit=100&cursor=" + cursor)
		if len(names) > 11 {
			t.Fatalf("a page has %d backups of 100 kB", len(names))
		}
		all = append(all, names...)
		if cursor = next; next == "" {
			break
		}
	}
	if len(all) != 30 || pages < 2 {
		t.Errorf("%d backups on %d pages: %v", len(all), pages+1, all)
	}
}

// What nobody foresaw is logged, and not told.
func TestUnforeseenErrorsAreNotTold(t *testing.T) {
	a := newAPI(t)
	a.server.Changed = func(context.Context, string, string) error { panic("secret-of-the-house") }
	w := a.call(500, "POST", "/v1/rules", objects["rules"])
	if strings.Contains(w.Body.String(), "secret-of-the-house") || !strings.Contains(a.logs.String(), "secret-of-the-house") {
		t.Errorf("it tells %s and logs %s", w.Body, &a.logs)
	}
}
