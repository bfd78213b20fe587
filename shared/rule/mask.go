package rule

import (
	"regexp"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// masked stands for a credential that was taken out.
const masked = "[masked]"

// secretName matches the end of a name whose value is a credential, such as PGPASSWORD or aws_secret_access_key.
const secretName = `(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|signature|` +
	`(?:api|access|secret|private|encryption|account|auth|shared|master|session)[-_.]?key(?:[-_.]?id)?)` +
	`(?:[-_.]?(?:hash|value|string|data|b64|base64))?`

// value matches what follows a name: in quotes, also escaped ones, or up to white space or a separator.
const value = `(?:\\"[^"\n]*"?|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[^\s"',;&|<>(){}\[\]]+)`

// masks are tried in order; of what they match, $1 and $2 are kept.
var masks = []*regexp.Regexp{
	// PEM blocks; one that was cut off at its end reaches to the end of the text.
	regexp.MustCompile(`()(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)`),
	// A PEM block that lost its beginning: lines of base64 before an END.
	regexp.MustCompile(`()(?m)(?:^[A-Za-z0-9+/=]{16,}[ \t]*\r?\n)*^[A-Za-z0-9+/= \t]*\r?\n?-----END [A-Z0-9 ]+-----`),
	// Authorization: Basic …, Bearer …
	regexp.MustCompile(`(?i)(\b(?:bearer|basic)[ \t]+)[A-Za-z0-9._~+/=:-]{8,}`),
	// user:password@ in a URL
	regexp.MustCompile(`(\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"']*:)[^\s/@"']+(@|$)`),
	// name=value, name: value, "name": "value", --name value, and an Authorization header of any kind
	regexp.MustCompile(`(?i)([\w.-]*` + secretName + `\\?["']?[ \t]*(?:=>|:=|[=:])[ \t]*)` + value),
	regexp.MustCompile(`(?i)(--?[\w-]*` + secretName + `[ \t]+)` + value),
	regexp.MustCompile(`(?i)(\bauthorization["']?[ \t]*[:=][ \t]*["']?)[^\s"'][^\n"']*`),
	// SQL and clients of databases
	regexp.MustCompile(`(?i)(\bidentified[ \t]+(?:with[ \t]+\S+[ \t]+)?(?:by|as)[ \t]+(?:password[ \t]+)?)` + value),
	regexp.MustCompile(`(?i)(\bpassword[ \t]+)(?:'(?:[^'\n]|'')*'?|"[^"\n]*"?)`),
	regexp.MustCompile(`(?i)(\b(?:requirepass|masterauth)[ \t]+)` + value),
	regexp.MustCompile(`(?i)(\b(?:mysql|mariadb|mongo|redis-cli|sqlcmd)[\w-]*\b[^\n]*?[ \t]-[paP])[ \t]?` + value),
	// what is a credential by its form: AWS, EKS, JWT, GitHub, GitLab, Slack, Vault, age
	regexp.MustCompile(`()\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`),
	regexp.MustCompile(`()\bk8s-aws-v1\.[A-Za-z0-9_-]+`),
	regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`),
	regexp.MustCompile(`()\b(?:gh[pousr]_|github_pat_|glpat-|xox[abposr]-|hv[sb]\.)[A-Za-z0-9._-]{10,}`),
	regexp.MustCompile(`()\bAGE-SECRET-KEY-1[A-Z0-9]+`),
}

// leastSecret is the length from which a value is taken for one that can be told from other text.
const leastSecret = 4

// isSecret tells names of variables whose values are credentials.
var isSecret = regexp.MustCompile(`(?i)` + secretName + `$`)

// maskValues takes out the values of variables whose names say that they are credentials.
func maskValues(s string, env []salvor.EnvVar) string {
	for _, e := range env {
		if len(e.Value) >= leastSecret && isSecret.MatchString(e.Name) {
			s = strings.ReplaceAll(s, e.Value, masked)
		}
	}
	return s
}

// Mask takes out of a text what looks like a credential. It errs on the side of taking out: it is for output that
// people read to understand a failure. It can't know a credential that has neither a telling name nor a telling form.
func Mask(s string) string {
	for _, re := range masks {
		s = re.ReplaceAllString(s, "${1}"+masked+"${2}")
	}
	return strings.ReplaceAll(s, masked+masked, masked)
}
