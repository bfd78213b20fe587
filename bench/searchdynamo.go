package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"salvor.io/salvor/shared/salvor"
)

// tableVersion is part of the name of the kept table: another one when what it holds changes.
const tableVersion = "v2"

// searchDynamo searches tables on dynalite. The large one is made once, in the user's cache, and takes minutes: it has nine
// items of each backup.
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

// dynamoTable fills the table in the directory, unless that was done before, and starts a server on it.
func (b *bench) dynamoTable(ctx context.Context, n int, dir string) (side, func(), error) {
	filled := filepath.Join(dir, "filled")
	if _, err := os.Stat(filled); err == nil {
		api, down, err := b.dynamoServer(ctx, n, dir)
		return sideOf(api), down, err
	}
	if err := b.emptyTable(ctx, n, dir); err != nil {
		return side{}, nil, err
	}
	b.say("search: recording %d backups in DynamoDB", n)
	if err := b.load(ctx, n, dir); err != nil {
		return side{}, nil, fmt.Errorf("filling the table: %w", err)
	}
	api, down, err := b.dynamoServer(ctx, n, dir)
	if err != nil {
		return side{}, nil, err
	}
	s := sideOf(api)
	if err = countDays(ctx, s.catalog, n); err == nil {
		err = os.WriteFile(filled, nil, 0o644)
	}
	if err != nil {
		down()
		return side{}, nil, err
	}
	return s, down, nil
}

func sideOf(api *metered) side {
	return side{catalog: dynamo.New(api, "catalog"), bare: api.bare, cost: api.cost}
}

// dynamoServer starts a server on the tables in the directory, and says how to end it.
func (b *bench) dynamoServer(ctx context.Context, n int, dir string) (*metered, func(), error) {
	name := fmt.Sprintf("bench-%d-%d", os.Getpid(), n)
	tool := filepath.Join(b.root, "tools", "run")
	out, err := exec.CommandContext(ctx, tool, "dynamodb", "up", "--name", name, "--watch-pid", fmt.Sprint(os.Getpid()), "--data", dir).Output()
	if err != nil {
		return nil, nil, fmt.Errorf("starting a DynamoDB server: %w", err)
	}
	down := func() { _ = exec.Command(tool, "dynamodb", "down", "--name", name).Run() }
	var up struct{ Endpoint string }
	if err := json.Unmarshal(out, &up); err != nil {
		down()
		return nil, nil, err
	}
	return &metered{Client: dynamo.NewClient(aws.Config{Region: "eu-central-1", BaseEndpoint: &up.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("bench", "bench", "")})}, down, nil
}

// emptyTable makes the table anew; what somebody left who did not fill it to the end goes.
func (b *bench) emptyTable(ctx context.Context, n int, dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	api, down, err := b.dynamoServer(ctx, n, dir)
	if err != nil {
		return err
	}
	defer down()
	return dynamo.CreateTable(ctx, api.Client, "catalog")
}

// load puts the first n backups into the table, which no server has open: requests would take an hour for a million.
func (b *bench) load(ctx context.Context, n int, dir string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.root, "tools", "run"), "dynamodb", "load", "--data", dir, "--table", "catalog")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = writeItems(in, n)
	return errors.Join(err, in.Close(), cmd.Wait())
}

// writeItems writes the items of the first n backups, as DynamoDB's JSON, one a line.
func writeItems(to io.Writer, n int) error {
	w := bufio.NewWriterSize(to, 1<<20)
	encode := json.NewEncoder(w)
	for i, err := range dynamo.Items(entries(n)) {
		if err != nil {
			return err
		}
		line := make(map[string]map[string]any, len(i))
		for name, v := range i {
			if line[name], err = attribute(v); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := encode.Encode(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// attribute is a value as DynamoDB's JSON has it, of the types that catalogs use.
func attribute(v types.AttributeValue) (map[string]any, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}, nil // encoding/json writes bytes as base64, too
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	}
	return nil, fmt.Errorf("a value of type %T can't be written yet", v)
}

// countDays does as the daily sync does, which counts the days that are over.
func countDays(ctx context.Context, c catalog.Catalog, n int) error {
	for day, last := firstDay, entry(n-1).Date(); day.Before(last); day = day.AddDate(0, 0, 390) {
		var bounds []time.Time
		for d := range 391 {
			bounds = append(bounds, day.AddDate(0, 0, d))
		}
		if _, err := c.Count(ctx, catalog.Query{}, bounds); err != nil {
			return err
		}
	}
	return nil
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

// bare is one query that returns the items of a search. It knows the keys.
func (m *metered) bare(ctx context.Context, kind string, i int, decode bool) (int, error) {
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
	if err != nil || !decode {
		return len(out.Items), err
	}
	for _, item := range out.Items {
		if err := decodeBody(item["body"]); err != nil {
			return 0, err
		}
	}
	return len(out.Items), nil
}

// decodeBody reads what an item holds: a packed backup, or a tally.
func decodeBody(v types.AttributeValue) error {
	switch v := v.(type) {
	case *types.AttributeValueMemberB:
		plain, err := gzip.NewReader(bytes.NewReader(v.Value))
		if err != nil {
			return err
		}
		return json.NewDecoder(plain).Decode(new(salvor.Backup))
	case *types.AttributeValueMemberS:
		return json.Unmarshal([]byte(v.Value), new(map[string]map[int]int))
	}
	return fmt.Errorf("an item has a body of type %T", v)
}
