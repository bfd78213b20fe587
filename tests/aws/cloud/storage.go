package cloud

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscreds "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/catalog/dynamo"
)

// makeTable makes the table as the template describes it. Encryption, recovery and protection have no counterpart here.
func (c *Cloud) makeTable() {
	c.t.Helper()
	p, err := c.Stack.Properties("Table")
	if err != nil {
		c.t.Fatal(err)
	}
	in := &dynamodb.CreateTableInput{TableName: &c.Table, BillingMode: ddb.BillingMode(p["BillingMode"].(string))}
	for _, a := range p["AttributeDefinitions"].([]any) {
		m := a.(map[string]any)
		in.AttributeDefinitions = append(in.AttributeDefinitions, ddb.AttributeDefinition{
			AttributeName: aws.String(m["AttributeName"].(string)), AttributeType: ddb.ScalarAttributeType(m["AttributeType"].(string))})
	}
	for _, k := range p["KeySchema"].([]any) {
		m := k.(map[string]any)
		in.KeySchema = append(in.KeySchema, ddb.KeySchemaElement{AttributeName: aws.String(m["AttributeName"].(string)), KeyType: ddb.KeyType(m["KeyType"].(string))})
	}
	api := dynamo.NewClient(c.config(credentials{"any", "any", ""}), func(o *dynamodb.Options) { o.BaseEndpoint = &c.dynamo })
	if _, err := api.CreateTable(c.t.Context(), in); err != nil {
		c.t.Fatal(err)
	}
	if err := dynamodb.NewTableExistsWaiter(api).Wait(c.t.Context(), &dynamodb.DescribeTableInput{TableName: &c.Table}, time.Minute); err != nil {
		c.t.Fatal(err)
	}
}

// LoseTable deletes the table and makes an empty one of its name.
func (c *Cloud) LoseTable() {
	c.t.Helper()
	api := dynamo.NewClient(c.config(credentials{"any", "any", ""}), func(o *dynamodb.Options) { o.BaseEndpoint = &c.dynamo })
	if _, err := api.DeleteTable(c.t.Context(), &dynamodb.DeleteTableInput{TableName: &c.Table}); err != nil {
		c.t.Fatal(err)
	}
	if err := dynamodb.NewTableNotExistsWaiter(api).Wait(c.t.Context(), &dynamodb.DescribeTableInput{TableName: &c.Table}, time.Minute); err != nil {
		c.t.Fatal(err)
	}
	c.makeTable()
}

// Keys are those of the bucket.
func (c *Cloud) Keys() (keys []string) {
	c.t.Helper()
	out, err := c.S3Client().ListObjectsV2(c.t.Context(), &s3.ListObjectsV2Input{Bucket: &c.Bucket})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// makeBucket makes the bucket as the template describes it. Encryption, lifecycle and the public access block have no
// counterpart here; its policy is enforced by the gate.
func (c *Cloud) makeBucket() {
	c.t.Helper()
	p, err := c.Stack.Properties("Bucket")
	if err != nil {
		c.t.Fatal(err)
	}
	locked, _ := p["ObjectLockEnabled"].(bool)
	api := c.S3Client()
	if _, err := api.CreateBucket(c.t.Context(), &s3.CreateBucketInput{Bucket: &c.Bucket, ObjectLockEnabledForBucket: &locked}); err != nil {
		c.t.Fatal(err)
	}
	versioning := p["VersioningConfiguration"].(map[string]any)
	if _, err := api.PutBucketVersioning(c.t.Context(), &s3.PutBucketVersioningInput{Bucket: &c.Bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatus(versioning["Status"].(string))}}); err != nil {
		c.t.Fatal(err)
	}
	if locked {
		c.lockBucket(api, p["ObjectLockConfiguration"].(map[string]any))
	}
	if c.bucketPolicy, err = c.Stack.BucketPolicy("BucketPolicy"); err != nil {
		c.t.Fatal(err)
	}
}

// lockBucket sets the retention that objects have unless they are put with another one.
func (c *Cloud) lockBucket(api *s3.Client, lock map[string]any) {
	c.t.Helper()
	retention := lock["Rule"].(map[string]any)["DefaultRetention"].(map[string]any)
	days, err := strconv.ParseInt(fmt.Sprint(retention["Days"]), 10, 32)
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = api.PutObjectLockConfiguration(c.t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: &c.Bucket, ObjectLockConfiguration: &types.ObjectLockConfiguration{
		ObjectLockEnabled: types.ObjectLockEnabled(fmt.Sprint(lock["ObjectLockEnabled"])),
		Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{
			Mode: types.ObjectLockRetentionMode(fmt.Sprint(retention["Mode"])), Days: aws.Int32(int32(days))}}}})
	if err != nil {
		c.t.Fatal(err)
	}
}

// S3Client is an administrator's.
func (c *Cloud) S3Client() *s3.Client {
	config := c.config(credentials{access: c.S3.AccessKey, secret: c.S3.SecretKey})
	config.Region = c.S3.Region
	return s3.NewFromConfig(config, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &c.S3.Endpoint, true })
}

// Catalog is an administrator's view of the table.
func (c *Cloud) Catalog() *dynamo.Catalog {
	return dynamo.New(dynamo.NewClient(c.config(credentials{"any", "any", ""}), func(o *dynamodb.Options) { o.BaseEndpoint = &c.dynamo }), c.Table)
}

func (c *Cloud) config(k credentials) aws.Config {
	return aws.Config{Region: Region, Credentials: awscreds.NewStaticCredentialsProvider(k.access, k.secret, k.token)}
}
