package rule_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"salvor.io/salvor/shared/rule"
)

// shapes are the ways in which a credential, written S3CR3T here, appears in output.
var shapes = []string{
	"password=S3CR3T",
	"PGPASSWORD=S3CR3T pg_dump",
	"MYSQL_ROOT_PASSWORD: S3CR3T",
	`"password": "S3CR3T with spaces, too"`,
	`{\"password\":\"S3CR3T\",\"user\":\"x\"}`,
	`{"auth":{"client_secret":"S3CR3T"}}`,
	"pwd = 'S3CR3T'",
	"db.passwd => S3CR3T",
	"passphrase:S3CR3T",
	"password_hash=S3CR3T",
	"--password S3CR3T --host db",
	"--password=S3CR3T",
	"--requirepass S3CR3T",
	"mysql -u root -pS3CR3T shop",
	"+ mysqldump -h db -p S3CR3T shop",
	"redis-cli -a S3CR3T ping",
	"AWS_SECRET_ACCESS_KEY=S3CR3T",
	"aws_session_token = S3CR3T",
	`"SecretAccessKey": "S3CR3T"`,
	"X-Amz-Signature=S3CR3T&X-Amz-Date=20261122",
	"api_key: S3CR3T",
	"x-api-key: S3CR3T",
	"Authorization: Bearer S3CR3T0123456789",
	"authorization: token S3CR3T",
	`-H "Authorization: Basic S3CR3TS3CR3T=="`,
	"postgres://shop:S3CR3T@db:5432/shop",
	"redis://:S3CR3T@cache",
	"CREATE USER x IDENTIFIED BY 'S3CR3T';",
	"ALTER ROLE x PASSWORD 'S3CR3T'",
	"requirepass S3CR3T",
	"-----BEGIN RSA PRIVATE KEY-----\nS3CR3T\nS3CR3T==\n-----END RSA PRIVATE KEY-----",
	"-----BEGIN OPENSSH PRIVATE KEY-----\nS3CR3T\ncut off here",
	`"-----BEGIN EC PRIVATE KEY-----\nS3CR3T\n-----END EC PRIVATE KEY-----\n"`,
	"S3CR3TS3CR3TS3CR3TS3CR3T\nS3CR3TS3CR3TS3CR3TS3CR3T\nS3CR3T==\n-----END PRIVATE KEY-----",
}

func TestMask(t *testing.T) {
	for _, s := range shapes {
		if got := rule.Mask("before\n" + s + "\nafter"); strings.Contains(got, "S3CR3T") || !strings.HasPrefix(got, "before\n") || !strings.HasSuffix(got, "after") && !strings.Contains(s, "cut off") {
			t.Errorf("%s\nbecame\n%s", s, got)
		}
	}
}

func TestMaskByForm(t *testing.T) {
	for _, s := range []string{
		"AKIA" + "IOSFODNN7EXAMPLE", "ASIA" + "IOSFODNN7EXAMPLE", "k8s-aws-v1." + "aHR0cHM6Ly9zdHM", "ghp_" + strings.Repeat("a", 36),
		"eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "xoxb-" + "1234567890-abcdef", "hvs." + "CAESIJ1234567890", "AGE-SECRET-KEY-1" + "QQPQXYZ",
	} {
		if got := rule.Mask("found " + s + " here"); got != "found [masked] here" {
			t.Errorf("%s became %s", s, got)
		}
	}
}

func TestMaskKeepsWhatHelps(t *testing.T) {
	for _, s := range []string{
		"", "plain text", "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)",
		"fsfreeze: /data: freeze failed: Device or resource busy", "https://example.com/path?x=1", "secret/shop-db created",
		"commit 3f786850e387550fdab836ed7e6dc881de23001b", "mkdir -p /backup", "12:00:01 user: postgres@db",
	} {
		got := rule.Mask(s)
		if strings.Contains(s, "password: YES") {
			s = strings.Replace(s, "YES", "[masked]", 1) // the price of taking out too much
		}
		if got != s {
			t.Errorf("%s became %s", s, got)
		}
	}
}

func FuzzMask(f *testing.F) {
	for i := range shapes {
		f.Add("x", "y", i)
	}
	f.Fuzz(func(t *testing.T, before, after string, shape int) {
		s := shapes[((shape%len(shapes))+len(shapes))%len(shapes)]
		if len(before)+len(after) > rule.TailBytes || strings.Contains(before+after, "S3CR3T") || !utf8.ValidString(before+after) {
			return
		}
		got := rule.Mask(before + "\n" + s + "\n" + after)
		if strings.Contains(got, "S3CR3T") {
			t.Errorf("%q is in %q", s, got)
		}
	})
}
