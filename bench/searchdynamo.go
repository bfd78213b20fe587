package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
)

// tableVersion is part of the name of the kept table: another one when what it holds changes.
const tableVersion = "v1"

// searchDynamo searches tables on dynalite. The large one is made once, in the user's cache, and takes long: some 4,000
// items a second, eight of each backup.
func (b *bench) searchDynamo(ctx context.Context) ([]Result, error) {
	small, down, err := b.dynamoTable(ctx, fewBackups, filepath.Join(b.dir, "dynamo"))
	if err != nil {
		return nil, err
	}
	defer down()
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	large, down, err := b.dynamoTable(ctx, b.backups, filepath.Join(cache, "salvor", "bench", fmt.Sprintf("catalog-%s-%d", tableVersion, b.backups)))
	if err != nil {
		return nil, err
	}
	defer down()
	return compare(ctx, b, "dynamodb", b.backups, small, large)
}

// dynamoTable starts a server on the directory and fills the table, unless that was done before.
func (b *bench) dynamoTable(ctx context.Context, n int, dir string) (side, func(), error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return side{}, nil, err
	}
	name := fmt.Sprintf("bench-%d-%d", os.Getpid(), n)
	tool := filepath.Join(b.root, "tools", "run")
	out, err := exec.CommandContext(ctx, tool, "dynamodb", "up", "--name", name, "--watch-pid", fmt.Sprint(os.Getpid()), "--data", dir).Output()
	if err != nil {
		return side{}, nil, fmt.Errorf("starting a DynamoDB server: %w", err)
	}
	down := func() { _ = exec.Command(tool, "dynamodb", "down", "--name", name).Run() }
	var up struct{ Endpoint string }
	if err := json.Unmarshal(out, &up); err != nil {
		down()
		return side{}, nil, err
	}
	api := &metered{Client: dynamodb.NewFromConfig(aws.Config{Region: "eu-central-1", BaseEndpoint: &up.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("bench", "bench", "")})}
	c := dynamo.New(api, "catalog")
	if err := b.fillDynamo(ctx, api, c, n, filepath.Join(dir, "filled")); err != nil {
		down()
		return side{}, nil, err
	}
	return side{catalog: c, bare: api.bare, cost: api.cost}, down, nil
}

func (b *bench) fillDynamo(ctx context.Context, api *metered, c *dynamo.Catalog, n int, mark string) error {
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if _, err := api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String("catalog")}); err != nil {
		var none *types.ResourceNotFoundException
		if !errors.As(err, &none) {
			return err
		}
	}
	if err := dynamo.CreateTable(ctx, api.Client, "catalog"); err != nil {
		return err
	}
	b.say("search: recording %d backups in DynamoDB", n)
	if err := c.Bulk(ctx, entries(n)); err != nil {
		return fmt.Errorf("filling the table: %w", err)
	}
	// As the daily sync does, which counts the days that are over.
	for day, last := firstDay, entry(n-1).Date(); day.Before(last); day = day.AddDate(0, 0, 390) {
		var bounds []time.Time
		for d := range 391 {
			bounds = append(bounds, day.AddDate(0, 0, d))
		}
		if _, err := c.Count(ctx, catalog.Query{}, bounds); err != nil {
			return err
		}
	}
	return os.WriteFile(mark, nil, 0o644)
}

// metered is a client that knows what the last search read.
type metered struct {
	*dynamodb.Client
	mu              sync.Mutex
	requests, items int
	units           float64
}

// Query counts the items that it reads, and the units of capacity they cost.
func (m *metered) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.Query(ctx, in, o...)
	if err == nil {
		m.add(int(out.ScannedCount), out.ConsumedCapacity)
	}
	return out, err
}

// BatchGetItem counts as Query does.
func (m *metered) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.BatchGetItem(ctx, in, o...)
	if err == nil {
		for _, list := range out.Responses {
			m.add(len(list), &out.ConsumedCapacity[0])
		}
	}
	return out, err
}

func (m *metered) add(items int, c *types.ConsumedCapacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests++
	m.items += items
	if c != nil && c.CapacityUnits != nil {
		m.units += *c.CapacityUnits
	}
}

// cost says what was read since it was asked last.
func (m *metered) cost() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := fmt.Sprintf("%d requests, %d items read for %.1f read units", m.requests, m.items, m.units)
	m.requests, m.items, m.units = 0, 0, 0
	return s
}

// bare is one query that returns the items of a search, decoded no further than the SDK does. It knows the keys.
func (m *metered) bare(ctx context.Context, kind string, i int) (int, error) {
	pk, from, to, limit := "", " ", "~", aDay
	place := func(t time.Time) string { return fmt.Sprintf("%015x ", catalog.MaxMicro-t.UnixMicro()) }
	switch kind {
	case "day":
		pk = "day#" + dayOf(i).Format(time.DateOnly)
	case "namespace-year":
		pk, from = "namespace#"+namespaceName(i), place(firstDay.AddDate(0, 0, fewBackups/aDay))
	case "as-of":
		n := (2000 + i*7919) % (fewBackups - 2000)
		pk, from, limit = "good#"+clusterName(n)+" "+namespaceName(n), place(dayOf(i).AddDate(0, 0, 30)), 1
	case "month":
		pk, from, to = "tallies", dayOf(i).Format(time.DateOnly), dayOf(i).AddDate(0, 0, 29).Format(time.DateOnly)
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	out, err := m.Client.Query(ctx, &dynamodb.QueryInput{TableName: aws.String("catalog"), ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(pk), ":from": text(from), ":to": text(to)}})
	if err != nil {
		return 0, err
	}
	return len(out.Items), nil
}
