package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newBackup(cluster, name string, created time.Time) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.CreationTimestamp = name, metav1.NewTime(created)
	b.Spec.Schedule = "nightly"
	b.Status.ClusterID, b.Status.Phase = cluster, salvor.PhaseCompleted
	b.Status.Namespaces = []string{"shop"}
	return b
}

func create(t testing.TB, c catalog.Backups, b *salvor.Backup) *salvor.Backup {
	t.Helper()
	if err := c.CreateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "salvor")
	path := filepath.Join(dir, "catalog.db")
	c := open(t, path)
	create(t, c, newBackup("prod", "one", noon))
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v; want the file, its -wal and its -shm", files, err)
	}
	for file, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Dir(dir): 0o700 | os.ModeDir, files[0]: 0o600, files[1]: 0o600, files[2]: 0o600} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", file, info.Mode(), want)
		}
	}
	loose := filepath.Join(t.TempDir(), "catalog.db")
	if err := os.WriteFile(loose, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, loose)
	if info, err := os.Stat(loose); err != nil || info.Mode() != 0o600 {
		t.Errorf("a file that everybody could read has mode %v, %v", info.Mode(), err)
	}
}

func TestPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"plain.db", "a b.db", "what?x=1&mode=memory", "a#b.db", "50%25.db", "ü/日本.db", "a:b", "./-x.db"} {
		c := open(t, path)
		create(t, c, newBackup("prod", path, noon))
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v, %v", path, info, err)
		}
		b, err := open(t, path).GetBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: path})
		if err != nil || b.Name != path {
			t.Errorf("%q, opened again: %v", path, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	open(t, newer)
	db, err := sqlite.OpenDB(newer)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO schema VALUES (999)`); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]salvor.Code{text: salvor.Corrupt, newer: salvor.Invalid, dir: salvor.Invalid, filepath.Join(text, "x.db"): salvor.Invalid} {
		c, err := sqlite.Open(path)
		if err == nil {
			t.Errorf("%s was opened", path)
			c.Close()
		}
		if !salvor.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got code %s: %v; want %s, and the path", path, salvor.CodeOf(err), err, want)
		}
	}
}

// TestMigration opens files of every older version, and goes on to a version that comes after the present one.
func TestMigration(t *testing.T) {
	for version := range len(sqlite.Migrations) + 1 {
		path := filepath.Join(t.TempDir(), "catalog.db")
		migrate(t, path, sqlite.Migrations[:version])
		c := open(t, path)
		create(t, c, newBackup("prod", "one", noon))

		next := append(sqlite.Migrations[:len(sqlite.Migrations):len(sqlite.Migrations)],
			`ALTER TABLE backups ADD COLUMN note TEXT; UPDATE backups SET note = 'from ' || name`)
		db := migrate(t, path, next)
		var note string
		if err := db.QueryRowContext(t.Context(), `SELECT note FROM backups`).Scan(&note); err != nil || note != "from one" {
			t.Errorf("after the migration of version %d: %q, %v", version, note, err)
		}
		bad := append(next[:len(next):len(next)], `CREATE TABLE half (x INTEGER); CREATE NONSENSE`)
		if err := sqlite.Migrate(t.Context(), db, bad); err == nil {
			t.Error("a migration that fails was taken for done")
		}
		if _, err := db.ExecContext(t.Context(), `CREATE TABLE half (x INTEGER)`); err != nil {
			t.Errorf("a migration that failed left its first half: %v", err)
		}
	}
}

func migrate(t *testing.T, path string, steps []string) *sql.DB {
	t.Helper()
	db, err := sqlite.OpenDB(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := sqlite.Migrate(t.Context(), db, steps); err != nil {
		t.Fatal(err)
	}
	return db
}

const workerEnv = "SALVOR_SQLITE_TEST_FILE"

// TestMain is also the other processes of TestProcesses.
func TestMain(m *testing.M) {
	if path := os.Getenv(workerEnv); path != "" {
		if err := work(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const processes, updates = 4, 25

// work opens the catalog, which may not be there yet, sees to it that the backup is, and counts in it.
func work(path string) error {
	ctx := context.Background()
	c, err := sqlite.Open(path)
	if err != nil {
		return err
	}
	defer c.Close()
	b := newBackup("prod", "one", noon)
	if err := c.CreateBackup(ctx, b); err != nil && !salvor.Is(err, salvor.Exists) {
		return err
	}
	for i := range updates {
		_, err := catalog.MutateBackup(ctx, c, b.ID(), func(b *salvor.Backup) error { b.Status.Progress.Objects++; return nil })
		if err != nil {
			return err
		}
		if err := c.CreateBackup(ctx, newBackup("prod", fmt.Sprintf("p-%d-%d", os.Getpid(), i), noon)); err != nil {
			return err
		}
		if _, err := c.Search(ctx, catalog.Query{Namespace: "shop"}); err != nil {
			return err
		}
	}
	return nil
}

// TestProcesses lets several processes open a new catalog and work in it at once.
func TestProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	var running []*exec.Cmd
	for range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), workerEnv+"="+path)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process failed: %v", err)
		}
	}
	c := open(t, path)
	b, err := c.GetBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Status.Progress.Objects != processes*updates {
		t.Errorf("%d updates were counted, %d were made", b.Status.Progress.Objects, processes*updates)
	}
	page, err := c.Search(t.Context(), catalog.Query{Limit: 1000})
	if err != nil || len(page.Backups) != processes*updates+1 {
		t.Errorf("%d backups were found, %d were made, %v", len(page.Backups), processes*updates+1, err)
	}
}
