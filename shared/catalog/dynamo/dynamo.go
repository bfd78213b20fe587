// Package dynamo keeps the catalog in one DynamoDB table.
//
// # Items
//
// The table has the string keys pk and sk. Every write is of one item; there are no transactions, no scans and no
// secondary indexes.
//
//	pk                            sk             what it is
//	kind#<kind>                   <name>         an object: v, body
//	backup#<cluster>              <name>         a backup, the truth about it: v, gen, body, kept
//	day#2026-11-20                <place>        index item: a backup of that day, in UTC
//	cluster#<cluster>             <place>        index item: a backup of that cluster
//	schedule#<schedule>           <place>        index item: a backup from that schedule
//	name#<name>                   <place>        index item: a backup of that name
//	namespace#<namespace>         <place>        index item: a backup that holds the namespace
//	held#<cluster> <namespace>    <place>        the same within one cluster
//	good#<cluster> <namespace>    <place>        the same, Completed ones only
//	days                          2026-11-20     there may be backups of that day: at
//	tallies                       2026-11-20     how many that day has, or that it changes: at, body
//
// v is the resource version. body is the object's JSON, gzip. A place is the date turned around, so that ascending
// order is newest first, then cluster id and name (see [place]). gen and at in an index item say which writing of the
// index it belongs to, and when, in Unix seconds, that was. With v and body it is a copy of the backup's own item; that
// item says by kept that there may be copies.
//
// # Why a search is never wrong, and one query
//
// A backup's index items are written before the backup itself is put, or changed into what they say. So a backup is
// always found, whenever the writer dies. An index item without copy that says what is not true - its backup was never
// put, has another date now, or is gone - is dropped by whoever reads it, for such a hit is confirmed by the backup
// itself.
//
// A backup that has ended hardly changes any more. After it was put, its index items get copies of it, each on the
// condition that its gen is still the one that the backup was put with. Who changes or deletes a backup that is kept
// first writes all its index items again without copy, under a gen of its own. So an item with a copy is true whenever
// it is read, and a search of backups that have ended is one query; those that are running or being changed cost it one
// batch of reads. A writer that dies leaves items without copies, which cost reads and are never wrong.
//
// Index items are removed, and given copies later, by two hands, and neither may disturb what a concurrent writer relies
// on. Who changes a date or deletes a backup removes the old index items only as long as they carry the old gen, which no
// later writing of them does. Who finds a hit untrue, or true and without its copy, changes it only when it is older than
// an hour, a writer being refused that puts or deletes the backup more than half an hour after its index.
//
// # Calendars
//
// How many backups a day has, by phase and quarter of an hour, is kept once the day has been over for two hours. Who
// changes a backup of a day that has been over for one hour forgets the day's tally first; one is kept again only when
// that was more than an hour ago, and when nobody has forgotten it again since the counting began.
//
// # Sizes
//
// DynamoDB allows 400 KB an item. With gzip a backup of 20,000 namespaces, and as many failures, fits. One that
// is larger even so is refused as Invalid; the complete list of failures belongs into the report, not here.
// An index item takes some 100 bytes, and up to 4 KB with its copy, which is usually less than 1 KB: what DynamoDB
// charges for one write anyway. A larger backup is not copied. A backup of n namespaces has 4 + 3n index items.
package dynamo

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"salvor.io/salvor/shared/catalog"
)

// API is the part of DynamoDB that the catalog uses: what its IAM policy has to allow.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
}

// Catalog is a catalog in a DynamoDB table.
type Catalog struct {
	// Now is the clock. It decides when what a search found untrue may be removed, so no two clocks may be further apart
	// than 15 minutes; AWS refuses requests that are.
	Now func() time.Time
	// Token makes a string that was never there before.
	Token func() string
	// ReadOnly keeps searches from removing what they found untrue, for a role that may only read.
	ReadOnly bool

	api   API
	table string
	days  days
}

var _ catalog.Catalog = (*Catalog)(nil)

// New returns the catalog in the table, which exists (see [CreateTable]).
func New(api API, table string) *Catalog {
	return &Catalog{Now: now, Token: rand.Text, api: api, table: table}
}

// Open returns the catalog in the table.
func Open(cfg aws.Config, table string) *Catalog { return New(NewClient(cfg), table) }

// Close does nothing: the client has nothing to close.
func (c *Catalog) Close() error { return nil }
