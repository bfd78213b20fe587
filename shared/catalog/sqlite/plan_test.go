package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
)

// explain returns how SQLite runs the statement.
func explain(t *testing.T, path, statement string, args ...any) string {
	t.Helper()
	db, err := sqlite.OpenDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}

// wantWalk fails the test unless the plan walks an index within bounds and sorts nothing.
func wantWalk(t *testing.T, what, plan, want string) {
	t.Helper()
	for _, bad := range []string{"SCAN", "TEMP B-TREE", "AUTOMATIC"} {
		if strings.Contains(plan, bad) {
			t.Errorf("%s: %s", what, plan)
		}
	}
	if !strings.Contains(plan, want) {
		t.Errorf("%s: %s; want %s", what, plan, want)
	}
}

func TestPlans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	open(t, path)
	if plan := explain(t, path, sqlite.Bodies, "[]"); !strings.HasPrefix(plan, "SCAN json_each") || !strings.HasSuffix(plan, "; SEARCH backups USING INDEX backups_by_identity (cluster=? AND name=?)") {
		t.Errorf("what was found is read by %s", plan)
	}
	completed := []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed}
	for _, k := range []struct {
		q    catalog.Query
		want string
	}{
		{catalog.Query{}, "USING COVERING INDEX backups_by_date ((rdate,cluster,name)>(?,?,?) AND rdate<?)"},
		{catalog.Query{Phases: completed, Labels: "app=shop", Name: "a*"}, "USING COVERING INDEX backups_by_date ((rdate,cluster,name)>(?,?,?) AND rdate<?)"},
		{catalog.Query{ClusterID: "prod"}, "USING COVERING INDEX backups_by_cluster (cluster=? AND rdate"},
		{catalog.Query{ClusterID: "prod", Phases: completed}, "USING COVERING INDEX backups_by_cluster (cluster=? AND rdate"},
		{catalog.Query{Schedule: "nightly", Phases: completed, ClusterID: "prod"}, "USING COVERING INDEX backups_by_schedule (schedule=? AND (rdate,cluster,name)>(?,?,?) AND rdate<?)"},
		{catalog.Query{Name: "one", Phases: completed}, "USING COVERING INDEX backups_by_name (name=? AND (rdate,cluster)>(?,?) AND rdate<?)"},
		{catalog.Query{Namespace: "shop", Phases: completed}, "SEARCH namespaces USING PRIMARY KEY (namespace=? AND (rdate,cluster,name)>(?,?,?) AND rdate<?)"},
		{catalog.Query{Namespace: "shop", ClusterID: "prod"}, "USING COVERING INDEX namespaces_by_cluster (cluster=? AND namespace=? AND rdate"},
	} {
		for _, k.q.From = range []time.Time{{}, noon} {
			f, err := catalog.NewFilter(k.q)
			if err != nil {
				t.Fatal(err)
			}
			statement, args := sqlite.Walk(f)
			wantWalk(t, fmt.Sprintf("%+v", k.q), explain(t, path, statement, args...), k.want)
			wantWalk(t, fmt.Sprintf("%+v, with the backups", k.q), explain(t, path, sqlite.WithBody(statement), args...), strings.Replace(k.want, "COVERING ", "", 1))
		}
	}
	plan := explain(t, path, sqlite.NewestGoodStatement, "prod", "shop", 0)
	wantWalk(t, "NewestGood", plan, "USING INDEX namespaces_good (cluster=? AND namespace=? AND rdate>?)")
	for _, statement := range []string{
		`SELECT body FROM backups WHERE cluster = ? AND name = ?`, `DELETE FROM namespaces WHERE backup = ?`, `DELETE FROM backups WHERE id = ?`,
		`SELECT name, body FROM objects WHERE kind = ? AND name > ? ORDER BY name`,
	} {
		wantWalk(t, statement, explain(t, path, statement, "a", "b"), "SEARCH")
	}
}
