package schema_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// maker makes random documents of Go types: every field of the right type, most of them left out or not by chance.
type maker struct {
	*rand.Rand
	words *words
}

// texts are what fields hold that not every text fits.
var texts = map[string]string{
	"EKSCluster.arn": "arn:aws:eks:eu-central-1:123456789012:cluster/shop", "EKSCluster.roleARN": "arn:aws:iam::123456789012:role/salvor",
	"S3Location.endpoint": "https://s3.example.org", "S3Location.bucket": "shop-backups",
	"DirectoryLocation.path": "/var/backups", "DirectoryLocation.ageIdentityFile": "/etc/key",
	"DirectoryLocation.ageRecipients": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
	"SchedulePolicySpec.timeZone":     "Europe/Berlin", "SchedulePolicySpec.cron": "0 2 * * ? *", "SchedulePolicySpec.interval": "90m",
	"EnvVar.name":             "PGHOST",
	"SchedulePolicySpec.rate": "2 days", "SchedulePolicySpec.jitter": "10m", "SchedulePolicySpec.startDate": "2026-11-20", "SchedulePolicySpec.endDate": "2026-12-31",
	"Blackout.days": "Monday", "Blackout.from": "22:00", "Blackout.to": "04:00", "Blackout.startDate": "2026-12-24", "Blackout.endDate": "2027-01-01",
	"MonthlyPolicy.weekdays": "last Friday", "MonthlyPolicy.months": "February",
	"DailyPolicy.times": "02:30", "WeeklyPolicy.times": "23:59", "MonthlyPolicy.times": "00:00", "WeeklyPolicy.days": "Friday",
}

func (m maker) oneOf(list ...string) string { return list[m.IntN(len(list))] }

// value makes a value of the type, for the field of that name.
func (m maker) value(t reflect.Type, field string) any {
	switch t {
	case reflect.TypeFor[metav1.Time]():
		return m.oneOf("2026-11-20T02:00:00Z", "2026-11-20T03:00:00+01:00")
	case reflect.TypeFor[resource.Quantity]():
		return "10Gi"
	case reflect.TypeFor[metav1.MicroTime]():
		return "2026-11-20T02:00:00.123456Z"
	case reflect.TypeFor[metav1.Duration]():
		if text := texts[field]; text != "" {
			return text
		}
		return m.oneOf("90s", "10m", "4h30m", "1.5h", "250ms", "0")
	case reflect.TypeFor[metav1.LabelSelectorRequirement]():
		return m.requirement()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem(), field)
	case reflect.Struct:
		return m.object(t)
	case reflect.Slice:
		list := []any{m.value(t.Elem(), field)}
		if t.Elem().Kind() == reflect.Struct && m.IntN(2) == 0 {
			list = append(list, m.value(t.Elem(), field))
		}
		return list
	case reflect.Map:
		return map[string]any{"a": m.value(t.Elem(), field)}
	case reflect.Bool:
		return m.IntN(2) == 0
	case reflect.Int, reflect.Int64:
		return 1 + m.IntN(31)
	}
	if choices := m.words.choices[t.Name()]; len(choices) > 0 {
		return choices[m.IntN(len(choices))].value
	}
	if text := texts[field]; text != "" {
		return text
	}
	return m.oneOf("shop", "db", "web-1")
}

func (m maker) requirement() any {
	r := map[string]any{"key": m.oneOf("app", "example.org/tier"), "operator": m.oneOf("In", "NotIn", "Exists", "DoesNotExist")}
	if strings.HasSuffix(r["operator"].(string), "In") {
		r["values"] = []any{"a", "b"}
	}
	return r
}

// object makes an object: what its type says has to be there, exactly one of fields of which one has to be, and a few
// of the others.
func (m maker) object(t reflect.Type) any {
	object := map[string]any{}
	groups := m.IntN(64)
	m.fields(t, t, object, &groups)
	if t == reflect.TypeFor[salvor.BackupScheduleSpec]() && object["clusterSelector"] != nil {
		delete(object["template"].(map[string]any)["spec"].(map[string]any), "cluster")
	}
	return object
}

func (m maker) fields(t, outer reflect.Type, object map[string]any, group *int) {
	one := oneOfFields(t)
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && name == "":
			m.fields(f.Type, outer, object, group)
			continue
		case len(one) > 0 && strings.Contains(f.Tag.Get("jsonschema"), "oneof_required"):
			if one[*group%len(one)] != name {
				continue
			}
		case name == "cluster" && t == reflect.TypeFor[salvor.BackupSpec](): // only a template with a selector of clusters has none
		case strings.Contains(options, "omit") && m.IntN(3) > 0:
			continue
		}
		object[name] = m.value(f.Type, fmt.Sprintf("%s.%s", t.Name(), name))
		if n, ok := object[name].(int); ok {
			object[name] = min(n, maximum(f.Tag.Get("jsonschema")))
		}
	}
}

// maximum of a number, as the tag of its field says it.
func maximum(tag string) int {
	for option := range strings.SplitSeq(tag, ",") {
		if text, there := strings.CutPrefix(option, "maximum="); there {
			most, err := strconv.Atoi(text)
			if err != nil {
				panic(err)
			}
			return most
		}
	}
	return math.MaxInt
}

func oneOfFields(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if strings.Contains(f.Tag.Get("jsonschema"), "oneof_required") {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}
