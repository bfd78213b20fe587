package dynamo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// days remembers when this process last noted a day, so that it does not do so for every backup.
type days struct {
	sync.Mutex
	noted map[string]time.Time
}

// noteAgain is how long a note is remembered. With patience and a difference between clocks it has to stay below leftover.
const noteAgain = 10 * time.Minute

// noteDay notes that there may be backups of the day. It is done before the backup's index is written.
func (c *Catalog) noteDay(ctx context.Context, day string) error {
	now := c.Now()
	c.days.Lock()
	since := now.Sub(c.days.noted[day])
	c.days.Unlock()
	if since >= 0 && since < noteAgain {
		return nil
	}
	// A function lives for one backup: what a thousand of them would write in a minute, all into one partition, they read.
	there, err := c.get(ctx, key{pkDays, day})
	if err != nil {
		return fmt.Errorf("looking for the day %s: %w", day, err)
	}
	if at := numberOf(there, attrAt); at > 0 && now.Sub(time.Unix(at, 0)).Abs() < noteAgain/2 {
		return nil
	}
	i := key{pkDays, day}.item()
	i[attrAt] = number(now.Unix())
	if _, err := c.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table, Item: i}); err != nil {
		return fmt.Errorf("noting the day %s: %w", day, err)
	}
	c.days.Lock()
	defer c.days.Unlock()
	if len(c.days.noted) >= 1000 || c.days.noted == nil {
		c.days.noted = make(map[string]time.Time)
	}
	c.days.noted[day] = now
	return nil
}

// forgetDay removes the note of a day that has no backups any more, as far as it can; a search of an empty day costs
// one request, no more. A note that is younger than leftover may belong to a backup that is just being put.
func (c *Catalog) forgetDay(ctx context.Context, day string) {
	i, err := c.get(ctx, key{pkDays, day})
	if err != nil || i == nil || numberOf(i, attrAt) > c.Now().Add(-leftover).Unix() {
		return
	}
	out, err := c.api.Query(ctx, &dynamodb.QueryInput{TableName: &c.table, ConsistentRead: aws.Bool(true), Limit: aws.Int32(1),
		KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": text(dayPK(day))}})
	if err != nil || len(out.Items) > 0 {
		return
	}
	_, _ = c.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.table, Key: key{pkDays, day}.item(),
		ConditionExpression:       aws.String("#at = :at"), // Not when it was noted again meanwhile.
		ExpressionAttributeNames:  map[string]string{"#at": attrAt},
		ExpressionAttributeValues: item{":at": i[attrAt]}})
}

// fewDays is up to how many days are looked into without asking first which of them have backups.
const fewDays = 3

// daysOf returns the days between two dates that may have backups, newest first.
func (c *Catalog) daysOf(ctx context.Context, newestMicro, oldestMicro int64) ([]string, error) {
	newest, oldest := time.UnixMicro(newestMicro).UTC(), time.UnixMicro(oldestMicro).UTC()
	if newest.Before(oldest) {
		return nil, nil
	}
	if newest.Sub(oldest) < (fewDays-1)*24*time.Hour {
		var few []string
		for day := newest; ; day = day.AddDate(0, 0, -1) {
			few = append(few, day.Format(time.DateOnly))
			if day.Format(time.DateOnly) <= oldest.Format(time.DateOnly) {
				return few, nil
			}
		}
	}
	var found []string
	for i, err := range c.query(ctx, &dynamodb.QueryInput{
		TableName: &c.table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :oldest AND :newest"),
		ExpressionAttributeValues: item{":pk": text(pkDays),
			":oldest": text(oldest.Format(time.DateOnly)), ":newest": text(newest.Format(time.DateOnly))},
	}) {
		if err != nil {
			return nil, err
		}
		found = append(found, textOf(i, attrSK))
	}
	return found, nil
}
