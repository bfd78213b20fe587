package main

import (
	"context"
	"fmt"
	"time"

	"salvor.io/salvor/shared/catalog"
)

// search is one kind of search. Its number chooses a place in the first hundred days, which both catalogs have.
type search struct {
	name string
	run  func(ctx context.Context, c catalog.Catalog, i int) (items int, err error)
}

func dayOf(i int) time.Time { return firstDay.AddDate(0, 0, 2+(i*37)%60) }

var searchKinds = []search{
	{"day", func(ctx context.Context, c catalog.Catalog, i int) (int, error) {
		p, err := c.Search(ctx, catalog.Query{From: dayOf(i), To: dayOf(i).AddDate(0, 0, 1), Limit: aDay})
		return len(p.Backups), err
	}},
	{"namespace-year", func(ctx context.Context, c catalog.Catalog, i int) (int, error) {
		last := firstDay.AddDate(0, 0, fewBackups/aDay)
		p, err := c.Search(ctx, catalog.Query{Namespace: namespaceName(i), From: last.AddDate(-1, 0, 0), To: last, Limit: aDay})
		return len(p.Backups), err
	}},
	{"as-of", func(ctx context.Context, c catalog.Catalog, i int) (int, error) {
		n := (2000 + i*7919) % (fewBackups - 2000)
		_, err := c.NewestGood(ctx, clusterName(n), namespaceName(n), dayOf(i).AddDate(0, 0, 30))
		return 1, err
	}},
	{"month", func(ctx context.Context, c catalog.Catalog, i int) (int, error) {
		var bounds []time.Time
		for d := range 31 {
			bounds = append(bounds, dayOf(i).AddDate(0, 0, d))
		}
		tallies, err := c.Count(ctx, catalog.Query{}, bounds)
		n := 0
		for _, t := range tallies {
			n += t.Backups
		}
		if err == nil && n != 30*aDay {
			err = fmt.Errorf("a month has %d backups instead of %d", n, 30*aDay)
		}
		return len(tallies), err
	}},
}

// wants is how many items each kind of search returns.
var wants = map[string]int{"day": aDay, "namespace-year": aDay, "as-of": 1, "month": 30}

// bareQuery makes one query that returns the items which a search returns, as the driver hands them out or, as a search
// has to, decoded.
type bareQuery func(ctx context.Context, kind string, i int, decode bool) (items int, err error)

// side is one catalog with what its server can be asked without Salvor.
type side struct {
	catalog catalog.Catalog
	bare    bareQuery
	// cost says what the last search read, for people; nil: nobody counts.
	cost func() string
}

// compare measures all kinds of searches on both sides, and bare queries on the large one, in turn, each at places of its
// own: where one has read, the next would find all in memory. A search returns backups, so its aim is beside a query whose
// items are decoded, too.
func compare(ctx context.Context, b *bench, home string, many int, small, large side) ([]Result, error) {
	var results []Result
	for _, k := range searchKinds {
		var ofSmall, ofLarge, ofBare, ofDecoded []float64
		timed := func(do func(context.Context, int) (int, error), i int) (float64, error) {
			begin := time.Now()
			n, err := do(ctx, i)
			took := time.Since(begin).Seconds() * 1000
			if err == nil && n != wants[k.name] {
				err = fmt.Errorf("it returned %d items instead of %d", n, wants[k.name])
			}
			return took, err
		}
		for i := range searches + 5 {
			var took [4]float64
			for j, do := range []func(context.Context, int) (int, error){
				func(ctx context.Context, i int) (int, error) { return k.run(ctx, small.catalog, i) },
				func(ctx context.Context, i int) (int, error) { return k.run(ctx, large.catalog, i) },
				func(ctx context.Context, i int) (int, error) { return large.bare(ctx, k.name, i, false) },
				func(ctx context.Context, i int) (int, error) { return large.bare(ctx, k.name, i, true) },
			} {
				var err error
				if j == 1 && large.cost != nil {
					large.cost()
				}
				if took[j], err = timed(do, i*len(took)+j); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", home, k.name, err)
				}
				if j == 1 && i == searches && large.cost != nil {
					b.say("search: %s %s: %s", home, k.name, large.cost())
				}
			}
			if i >= 5 { // nobody counts a warm-up
				ofSmall, ofLarge = append(ofSmall, took[0]), append(ofLarge, took[1])
				ofBare, ofDecoded = append(ofBare, took[2]), append(ofDecoded, took[3])
			}
		}
		name := fmt.Sprintf("search/%s-%s", home, k.name)
		results = append(results,
			info(fmt.Sprintf("%s-of-%d", name, fewBackups), ofSmall, "ms"),
			info(fmt.Sprintf("%s-of-%d", name, many), ofLarge, "ms"),
			info(name+"-bare-query", ofBare, "ms"),
			info(name+"-bare-query-and-decoding", ofDecoded, "ms"),
			atMost(1.2, name+"-large-to-small", ratios(ofLarge, ofSmall), "x"),
			info(name+"-to-bare-query", ratios(ofLarge, ofBare), "x"),
			atMost(1.3, name+"-to-bare-query-and-decoding", ratios(ofLarge, ofDecoded), "x"))
	}
	return results, nil
}
