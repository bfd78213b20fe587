package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// perMinute is what one partition of DynamoDB takes: 1,000 write units a second.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
const perMinute = 1000 * 60

// writes counts write units by partition key.
type writes struct {
	*dynamodb.Client
	mu sync.Mutex
	of map[string]int
}

func (w *writes) count(i map[string]types.AttributeValue) {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := 0
	for _, v := range i {
		if b, ok := v.(*types.AttributeValueMemberB); ok {
			size += len(b.Value)
		}
	}
	w.of[i["pk"].(*types.AttributeValueMemberS).Value] += 1 + (size+200)/1024
}

// PutItem counts, as the others do.
func (w *writes) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	w.count(in.Item)
	return w.Client.PutItem(ctx, in, o...)
}

// DeleteItem counts.
func (w *writes) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	w.count(in.Key)
	return w.Client.DeleteItem(ctx, in, o...)
}

// BatchWriteItem counts.
func (w *writes) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	for _, list := range in.RequestItems {
		for _, r := range list {
			w.count(r.PutRequest.Item)
		}
	}
	return w.Client.BatchWriteItem(ctx, in, o...)
}

// spread lets a thousand clusters make a backup each in one minute, of the same five namespaces by the same schedule, and
// counts what is written to each partition key.
func (b *bench) spread(ctx context.Context) ([]Result, error) {
	b.say("search: %d backups of one minute", manyClusters)
	name, tool := fmt.Sprintf("bench-%d-spread", os.Getpid()), filepath.Join(b.root, "tools", "run")
	out, err := exec.CommandContext(ctx, tool, "dynamodb", "up", "--name", name, "--watch-pid", fmt.Sprint(os.Getpid())).Output()
	if err != nil {
		return nil, fmt.Errorf("starting a DynamoDB server: %w", err)
	}
	defer func() { _ = exec.Command(tool, "dynamodb", "down", "--name", name).Run() }()
	var up struct{ Endpoint string }
	if err := json.Unmarshal(out, &up); err != nil {
		return nil, err
	}
	w := &writes{of: map[string]int{}, Client: dynamo.NewClient(aws.Config{Region: "eu-central-1", BaseEndpoint: &up.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("bench", "bench", "")})}
	if err := dynamo.CreateTable(ctx, w.Client, "catalog"); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	now := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	for i := range manyClusters {
		g.Go(func() error {
			return life(ctx, w, fmt.Sprint("cluster-", i), now.Add(time.Duration(i)*60*time.Millisecond))
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return b.shares(w.of), nil
}

// life is what a backup writes into the catalog, from a process of its own.
func life(ctx context.Context, w *writes, cluster string, at time.Time) error {
	c := dynamo.New(w, "catalog")
	c.Now = func() time.Time { return at }
	e := entry(0)
	e.Name, e.CreationTimestamp = "nightly-20261120t020000z", metav1.NewTime(at)
	e.Spec.Cluster, e.Status = cluster, salvor.BackupStatus{ClusterID: cluster, Phase: salvor.PhasePending}
	if err := c.CreateBackup(ctx, e); err != nil {
		return err
	}
	namespaces := []string{"default", "kube-system", "monitoring", "shop", "ingress"}
	for _, step := range []func(*salvor.BackupStatus){
		func(s *salvor.BackupStatus) { s.Lease.Epoch, s.Phase = 1, salvor.PhaseQuiescing },
		func(s *salvor.BackupStatus) { s.Thaw = &salvor.OwedThaw{Namespaces: namespaces} },
		func(s *salvor.BackupStatus) {
			s.CutAt, s.Namespaces, s.Phase = metav1.NewMicroTime(at.Add(time.Second)), namespaces, salvor.PhaseCapturing
		},
		func(s *salvor.BackupStatus) { s.Thaw = nil },
		func(s *salvor.BackupStatus) { s.Progress.Objects = 400 },
		func(s *salvor.BackupStatus) { s.Progress.Objects = 800 },
		func(s *salvor.BackupStatus) { s.Phase = salvor.PhaseCompleted },
	} {
		if _, err := catalog.MutateBackup(ctx, c, e.ID(), func(b *salvor.Backup) error { step(&b.Status); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// shares shows the busiest keys. A key is a partition, or a part of one.
func (b *bench) shares(of map[string]int) []Result {
	all := 0
	for _, n := range of {
		all += n
	}
	keys := slices.SortedFunc(maps.Keys(of), func(x, y string) int { return of[y] - of[x] })
	b.say("search: %d write units on %d partition keys; the busiest:", all, len(keys))
	for _, k := range keys[:min(8, len(keys))] {
		b.say("search:   %-40s %6d  %4.1f %% of all, %4.1f %% of what a partition takes in a minute", k, of[k],
			100*float64(of[k])/float64(all), 100*float64(of[k])/perMinute)
	}
	return []Result{
		info("search/writes-of-1000-clusters-in-a-minute", []float64{float64(all)}, "units"),
		info("search/writes-of-the-busiest-key", []float64{float64(of[keys[0]])}, "units"),
		atMost(10, "search/busiest-key-of-a-partitions-capacity", []float64{100 * float64(of[keys[0]]) / perMinute}, "%"),
	}
}
