// Command bench measures Salvor against the physical limits of the machine it runs on.
//
// A ratio is of two sides that ran in the same run in turn, A B A B and so on, on the same throw-away cluster; its
// median is that of the rounds. The results are printed as a table, and take the place of those that bench/latest.json has of
// the same benchmarks; each says of which version it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

// benchmark is one experiment and what it costs.
type benchmark struct {
	name, about string
	run         func(context.Context, *bench) ([]Result, error)
}

// benchmarks in the order in which they run.
var benchmarks = []benchmark{
	{"backup", "10,000 objects: backup and repeat beside a bare list; about 1 min", benchBackup},
	{"closure", "20,000 objects: backup of one application of them beside a bare list; about 1 min", benchClosure},
	{"requests", "requests to the location of a repeat, by the number of segments; about 1 min", benchRequests},
	{"restore", "10,000 objects: restore beside plain creates by 16 workers; about 3 min", benchRestore},
	{"memory", "memory of `salvor backup`: 100,000 objects of 1 KiB, 500 Secrets of 1 MiB; about 5 min", benchMemory},
	{"rules", "time for which a rule of two actions holds 20 pods beside bare execs of its commands; about 1 min", benchRules},
	{"volumes", "time for which 1 and 20 volumes are held, small and large, ready at once and after a minute, beside bare snapshots; about 8 min", benchVolumes},
	{"search", "searches among 1,000,000 backups and among 10,000, in SQLite and DynamoDB, beside bare queries; about 5 min, the first time 20", benchSearch},
	{"retention", "what to keep of 100,000 backups; some seconds", benchRetention},
	{"functions", "size and start of the Lambda functions beside an empty one; about 1 min", benchFunctions},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	only := flag.String("run", "", "glob over the names of the benchmarks to run; empty: all")
	rounds := flag.Int("n", 5, "rounds of each comparison")
	out := flag.String("o", "bench/latest.json", "file for the results, `path` below the root of the repository")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the engine's part to this file")
	backups := flag.Int("backups", manyBackups, "backups in the large table of DynamoDB, which is made once and kept in the user's cache")
	list := flag.Bool("list", false, "list the benchmarks and end")
	flag.Parse()
	if *list {
		for _, b := range benchmarks {
			fmt.Printf("%-10s %s\n", b.name, b.about)
		}
		return nil
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, *rounds, *profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.backups = *backups
	results, err := b.runAll(ctx, chosen, filepath.Join(b.root, *out))
	if err != nil {
		return err
	}
	return report(results, *out)
}

func choose(pattern string) ([]benchmark, error) {
	var chosen []benchmark
	for _, b := range benchmarks {
		if ok, err := path.Match(pattern, b.name); err != nil {
			return nil, fmt.Errorf("reading -run: %w", err)
		} else if ok || pattern == "" {
			chosen = append(chosen, b)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no benchmark is called %q: -list shows them", pattern)
	}
	return chosen, nil
}

// runAll runs the benchmarks, and writes what each found as soon as it has ended.
func (b *bench) runAll(ctx context.Context, chosen []benchmark, out string) ([]Result, error) {
	var all []Result
	where, what, day := machine(), version(ctx, b.root), time.Now().Format(time.DateOnly)
	for _, one := range chosen {
		begin := time.Now()
		b.say("%s: %s", one.name, one.about)
		results, err := one.run(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
		for i := range results {
			results[i].Machine, results[i].Version, results[i].Day = where, what, day
		}
		if err := record(out, one.name, results); err != nil {
			return nil, err
		}
		all = append(all, results...)
		b.say("%s: done in %.0f s", one.name, time.Since(begin).Seconds())
	}
	return all, nil
}

func report(results []Result, out string) error {
	fmt.Println("\n" + machine())
	if err := printTable(os.Stdout, results); err != nil {
		return err
	}
	aims, missed := 0, 0
	for _, r := range results {
		if r.Aim != "" {
			aims++
		}
		if !r.OK {
			missed++
		}
	}
	fmt.Printf("\n%d of %d aims reached; written to %s\n", aims-missed, aims, out)
	return nil
}
