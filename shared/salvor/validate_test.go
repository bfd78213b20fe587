package salvor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/salvor"
)

// examples are valid objects of every kind, in YAML, in several forms.
var examples = []string{
	`{apiVersion: salvor.io/v1, kind: Cluster, metadata: {name: shop}, spec: {eks: {arn: "arn:aws:eks:eu-central-1:123456789012:cluster/shop", roleARN: "arn:aws:iam::123456789012:role/ops/salvor", externalID: "a-b/c"}}}`,
	`{apiVersion: salvor.io/v1, kind: Cluster, metadata: {name: shop}, spec: {id: old-shop, kubeconfig: {path: /etc/kube, context: kind shop}}}`,
	`{apiVersion: salvor.io/v1, kind: BackupLocation, metadata: {name: s3}, spec: {s3: {bucket: my.bucket-1, prefix: a/b_c, region: eu-central-1, endpoint: "http://127.0.0.1:9000", kmsKeyID: alias/x, objectLock: {mode: Compliance, days: 30}}}}`,
	`{apiVersion: salvor.io/v1, kind: BackupLocation, metadata: {name: dir}, spec: {directory: {path: /var/backups, ageRecipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p], ageIdentityFile: /etc/salvor/key}}}`,
	`{apiVersion: salvor.io/v1, kind: Rule, metadata: {name: freeze, labels: {team: shop}}, spec: {subRules: [{podSelectors: [{matchExpressions: [{key: app, operator: NotIn, values: [db]}]}], onNoPods: Fail, actions: [{shell: "sync &&\n sync", container: main, timeout: 5s, onError: Continue}, {command: [sync, ""], runInSinglePod: true}]}]}}`,
	`{apiVersion: salvor.io/v1, kind: SchedulePolicy, metadata: {name: often}, spec: {interval: 1m, retention: {last: 3, within: 720h}}}`,
	`{apiVersion: salvor.io/v1, kind: SchedulePolicy, metadata: {name: nightly}, spec: {timeZone: Europe/Berlin, daily: {times: ["02:00", "23:59"]}}}`,
	`{apiVersion: salvor.io/v1, kind: SchedulePolicy, metadata: {name: weekly}, spec: {weekly: {days: [Monday, Sunday], times: ["00:00"]}}}`,
	`{apiVersion: salvor.io/v1, kind: SchedulePolicy, metadata: {name: monthly}, spec: {monthly: {days: [1, 31, -1], times: ["12:30"]}}}`,
	`{apiVersion: salvor.io/v1, kind: SchedulePolicy, metadata: {name: cron}, spec: {cron: "0 2 ? * MON-FRI *"}}`,
	`{apiVersion: salvor.io/v1, kind: BackupSchedule, metadata: {name: shop-nightly}, spec: {policy: nightly, template: {labels: {team: shop}, spec: {cluster: shop, location: s3, scope: {namespaces: [kube-system, "shop-*", "{a,b}-[0-9]"]}}}}}`,
	`{apiVersion: salvor.io/v1, kind: Backup, metadata: {name: shop-20261122t020000z}, spec: {cluster: shop, location: s3, scope: {namespaceSelector: {}, kinds: [deployments, Deployment.apps, "*.apps", widgets.example.org], clusterScoped: None}, preExecRule: freeze, postExecRule: thaw, consistency: Strict, timeout: 1h, schedule: shop, scheduledFor: "2026-11-22T02:00:00Z"}}`,
	`{apiVersion: salvor.io/v1, kind: Backup, metadata: {name: all}, spec: {cluster: shop, location: s3, scope: {clusterScoped: All}}}`,
	`{apiVersion: salvor.io/v1, kind: Backup, metadata: {name: app}, spec: {cluster: shop, location: s3, scope: {namespaces: [shop], labelSelector: {matchLabels: {app: web}}, objects: [{kind: configmaps, name: "web-*"}, {kind: Job.batch, namespace: shop, name: seed}], filters: [{kinds: [secrets], names: ["web-*"], excludeNames: [web-tls]}], closure: {excludeKinds: ["*.example.org"], namespaces: [gateways]}, onEmpty: Complete}}}`,
	`{apiVersion: salvor.io/v1, kind: Backup, metadata: {name: either}, spec: {cluster: shop, location: s3, scope: {namespaces: [shop], orLabelSelectors: [{matchLabels: {app: web}}, {matchExpressions: [{key: tier, operator: Exists}]}], closure: {mode: None}}}}`,
	`{apiVersion: salvor.io/v1, kind: Backup, metadata: {name: classes}, spec: {cluster: shop, location: s3, scope: {clusterKinds: [storageclasses.storage.k8s.io], excludeClusterKinds: [customresourcedefinitions]}}}`,
	`{apiVersion: salvor.io/v1, kind: Restore, metadata: {name: r1}, spec: {sourceCluster: shop, backup: b, targetCluster: shop2, namespaceMapping: {a: b, b: a}, labelSelector: {matchLabels: {app: shop}}, conflict: Update, allowPartial: true}}`,
	`{apiVersion: salvor.io/v1, kind: Restore, metadata: {name: r2}, spec: {sourceCluster: shop, asOf: "2026-11-22T02:00:00Z", namespaces: ["shop-*"], targetCluster: shop}}`,
}

func decodeOne(t *testing.T, s string) salvor.Object {
	t.Helper()
	objects, err := salvor.Decode([]byte(s), "test")
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v from %s", len(objects), err, s)
	}
	return objects[0]
}

func TestGoodObjectsAreValid(t *testing.T) {
	kinds := map[string]bool{}
	for _, s := range examples {
		o := decodeOne(t, s)
		kinds[o.GetKind()] = true
		if errs := o.Validate(); len(errs) > 0 {
			t.Errorf("before defaults: %v\n%s", errs, s)
		}
		o.Default()
		if err := salvor.Check(o); err != nil {
			t.Errorf("after defaults: %v", err)
		}
		once, _ := salvor.Encode(o, salvor.FormatYAML)
		o.Default()
		if twice, _ := salvor.Encode(o, salvor.FormatYAML); string(twice) != string(once) {
			t.Errorf("the second Default changes\n%s\nto\n%s", once, twice)
		}
	}
	if len(kinds) != len(salvor.Kinds()) {
		t.Errorf("examples are only of %v", kinds)
	}
}

func TestValidateReportsAllMistakesAtOnce(t *testing.T) {
	long := strings.Repeat("a", 254)
	for _, c := range []struct {
		why, in string
		want    []string // path and type of each error
	}{
		{"a cluster that is nothing", "kind: Cluster, metadata: {}, spec: {}", []string{"metadata.name required", "spec required"}},
		{"a cluster that is both", "kind: Cluster, metadata: {name: A_b, labels: {'-x': '-y'}, annotations: {'/': a}}, spec: {id: 'a/b', eks: {}, kubeconfig: {context: \"a\\nb\"}}", []string{
			"metadata.name invalid", "metadata.labels invalid", "metadata.labels invalid", "metadata.annotations invalid", "metadata.annotations invalid", "metadata.annotations invalid",
			"spec.id invalid", "spec.kubeconfig forbidden", "spec.eks.arn required", "spec.kubeconfig.context invalid"}},
		{"an ARN of something else, a user's for a role's, an external id that is too short", "kind: Cluster, metadata: {name: c}, spec: {eks: {arn: 'arn:aws:eks:eu-central-1:123456789012:nodegroup/a', roleARN: 'arn:aws:iam::123456789012:user/a', externalID: x}}", []string{
			"spec.eks.arn invalid", "spec.eks.roleARN invalid", "spec.eks.externalID invalid"}},
		{"an external id without a role", "kind: Cluster, metadata: {name: c}, spec: {eks: {arn: 'arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/a', externalID: abc}}", []string{"spec.eks.externalID forbidden"}},
		{"a location that is nothing", "kind: BackupLocation, metadata: {name: l}, spec: {}", []string{"spec required"}},
		{"a bucket where everything is wrong", "kind: BackupLocation, metadata: {name: l}, spec: {s3: {bucket: My_Bucket, prefix: /a/, region: 'EU 1', endpoint: 'ftp://x', kmsKeyID: \"a\\tb\", objectLock: {mode: Firm, days: 0}}}", []string{
			"spec.s3.bucket invalid", "spec.s3.prefix invalid", "spec.s3.region invalid", "spec.s3.endpoint invalid", "spec.s3.kmsKeyID invalid", "spec.s3.objectLock.mode unsupported", "spec.s3.objectLock.days invalid"}},
		{"a lock that says neither how nor how long", "kind: BackupLocation, metadata: {name: l}, spec: {s3: {bucket: abc, objectLock: {}}}", []string{"spec.s3.objectLock.mode required", "spec.s3.objectLock.days invalid"}},
		{"a directory that depends on where one stands", "kind: BackupLocation, metadata: {name: l}, spec: {directory: {path: backups, ageIdentityFile: ../key, ageRecipients: [ssh-rsa AAA, age1aaaaaaaaaaaa, age1aaaaaaaaaaaa]}}", []string{
			"spec.directory.path invalid", "spec.directory.ageRecipients[0] invalid", "spec.directory.ageRecipients[2] duplicate", "spec.directory.ageIdentityFile invalid"}},
		{"a directory that would climb out", "kind: BackupLocation, metadata: {name: l}, spec: {directory: {path: /var/../etc}}", []string{"spec.directory.path invalid"}},
		{"a rule without sub-rules", "kind: Rule, metadata: {name: r}, spec: {subRules: []}", []string{"spec.subRules required"}},
		{"a sub-rule that does nothing anywhere", "kind: Rule, metadata: {name: r}, spec: {subRules: [{onNoPods: Ignore}]}", []string{
			"spec.subRules[0].podSelectors required", "spec.subRules[0].onNoPods unsupported", "spec.subRules[0].actions required"}},
		{"mistakes deep in a rule", `kind: Rule, metadata: {name: r}, spec: {subRules: [{name: a, podSelectors: [{matchLabels: {a: "b c"}}, {matchExpressions: [{key: a, operator: Exists, values: [b]}, {key: a, operator: Maybe}]}], actions: [
			{}, {name: x, shell: a, command: [b], timeout: -1s, onError: Retry, container: A}, {name: x, command: []}]}, {name: a, podSelectors: [{}], actions: [{command: [""], name: "a\nb"}]}]}`, []string{
			"spec.subRules[0].podSelectors[0].matchLabels invalid", "spec.subRules[0].podSelectors[1].matchExpressions[0].values forbidden", "spec.subRules[0].podSelectors[1].matchExpressions[1].operator invalid",
			"spec.subRules[0].actions[0] required",
			"spec.subRules[0].actions[1].command forbidden", "spec.subRules[0].actions[1].container invalid", "spec.subRules[0].actions[1].timeout invalid", "spec.subRules[0].actions[1].onError unsupported",
			"spec.subRules[0].actions[2].name duplicate", "spec.subRules[0].actions[2].command required",
			"spec.subRules[1].name duplicate", "spec.subRules[1].actions[0].name invalid", "spec.subRules[1].actions[0].command required"}},
		{"a policy without a time", "kind: SchedulePolicy, metadata: {name: p}, spec: {timeZone: Local, retention: {last: -1, within: -1h}}", []string{
			"spec required", "spec.timeZone invalid", "spec.retention.last invalid", "spec.retention.within invalid"}},
		{"a policy with every sort of time, all wrong", "kind: SchedulePolicy, metadata: {name: p}, spec: {timeZone: Mars/Olympus, interval: 59s, daily: {times: ['24:00', '2:00', '02:00', '02:00']}, weekly: {days: [monday], times: []}, monthly: {days: [0, 32, -2, 1, 1], times: ['00:60']}, cron: '0 2 * * *'}", []string{
			"spec.daily forbidden", "spec.weekly forbidden", "spec.monthly forbidden", "spec.cron forbidden", "spec.timeZone invalid", "spec.interval invalid",
			"spec.daily.times[0] invalid", "spec.daily.times[1] invalid", "spec.daily.times[3] duplicate", "spec.weekly.days[0] invalid", "spec.weekly.times required",
			"spec.monthly.days[0] invalid", "spec.monthly.days[1] invalid", "spec.monthly.days[2] invalid", "spec.monthly.days[4] duplicate", "spec.monthly.times[0] invalid", "spec.cron invalid"}},
		{"a cron expression as EventBridge prints it", "kind: SchedulePolicy, metadata: {name: p}, spec: {cron: 'cron(0 2 * * ? *)'}", []string{"spec.cron invalid"}},
		{"a schedule whose runs' names would be too long", "kind: BackupSchedule, metadata: {name: " + long[:237] + "}, spec: {policy: p, template: {spec: {cluster: c, location: l, scope: {namespaces: [a]}}}}", []string{"metadata.name too long"}},
		{"a schedule whose template is a run", "kind: BackupSchedule, metadata: {name: s}, spec: {policy: '', template: {labels: {a: 'b c'}, spec: {cluster: '', location: L, scope: {}, schedule: s, scheduledFor: '2026-11-22T02:00:00Z'}}}", []string{
			"spec.policy required", "spec.template.labels invalid", "spec.template.spec.cluster required", "spec.template.spec.location invalid", "spec.template.spec.scope.namespaces required",
			"spec.template.spec.schedule forbidden", "spec.template.spec.scheduledFor forbidden"}},
		{"a backup where everything is wrong", `kind: Backup, metadata: {name: ` + long + `}, spec: {cluster: c, location: l, scope: {namespaces: [A, "a[", "", "a.b"], excludeNamespaces: ["}"], namespaceSelector: {matchLabels: {"a b": c}}, kinds: [".apps", "a b", "", pods.APPS], excludeKinds: ["pods.*"],
			labelSelector: {matchExpressions: [{key: a, operator: In}]}, clusterScoped: Some}, preExecRule: 'a b', postExecRule: -, consistency: Loose, timeout: -1s, schedule: s}`, []string{
			"metadata.name invalid", "metadata.name too long", "spec.scope.namespaces[0] invalid", "spec.scope.namespaces[1] invalid", "spec.scope.namespaces[2] invalid", "spec.scope.namespaces[3] invalid",
			"spec.scope.excludeNamespaces[0] invalid", "spec.scope.namespaceSelector.matchLabels invalid", "spec.scope.kinds[0] invalid", "spec.scope.kinds[1] invalid", "spec.scope.kinds[2] invalid", "spec.scope.kinds[3] invalid", "spec.scope.excludeKinds[0] invalid",
			"spec.scope.labelSelector.matchExpressions[0].values required", "spec.scope.clusterScoped unsupported", "spec.preExecRule invalid", "spec.postExecRule invalid", "spec.consistency unsupported", "spec.timeout invalid", "spec.scheduledFor required"}},
		{"an app-level scope where everything is wrong", `kind: Backup, metadata: {name: b}, spec: {cluster: c, location: l, scope: {namespaces: [a], clusterKinds: ["a b"], excludeClusterKinds: [""], labelSelector: {}, orLabelSelectors: [{}, {matchLabels: {a: -}}],
			objects: [{}, {kind: pods, namespace: A, name: "a["}], filters: [{}, {kinds: [a, "b c"], labelSelector: {matchLabels: {a: -}}, names: [""], excludeNames: ["}"]}],
			closure: {mode: None, kinds: ["a b"], excludeKinds: [""], namespaces: [B]}, onEmpty: Maybe}}`, []string{
			"spec.scope.clusterKinds[0] invalid", "spec.scope.excludeClusterKinds[0] invalid", "spec.scope.orLabelSelectors forbidden", "spec.scope.orLabelSelectors[1].matchLabels invalid",
			"spec.scope.objects[0].kind invalid", "spec.scope.objects[0].name required", "spec.scope.objects[1].namespace invalid", "spec.scope.objects[1].name invalid",
			"spec.scope.filters[0].kinds required", "spec.scope.filters[0] required", "spec.scope.filters[1].kinds[1] invalid", "spec.scope.filters[1].labelSelector.matchLabels invalid",
			"spec.scope.filters[1].names[0] invalid", "spec.scope.filters[1].excludeNames[0] invalid",
			"spec.scope.closure.kinds[0] invalid", "spec.scope.closure.excludeKinds[0] invalid", "spec.scope.closure.namespaces[0] invalid", "spec.scope.closure forbidden", "spec.scope.onEmpty unsupported"}},
		{"objects in namespaces that are not chosen", "kind: Backup, metadata: {name: b}, spec: {cluster: c, location: l, scope: {namespaces: [a, 'b-*'], excludeNamespaces: [b-x], objects: [{kind: pods, namespace: c, name: p}, {kind: pods, namespace: b-x, name: p}, {kind: pods, namespace: b-y, name: p}, {kind: pods, namespace: 'c*', name: p}, {kind: pods, name: p}]}}", []string{
			"spec.scope.objects[0].namespace invalid", "spec.scope.objects[1].namespace invalid"}},
		{"volumes of which everything is wrong", "kind: Backup, metadata: {name: b}, spec: {cluster: c, location: l, scope: {namespaces: [a]}, volumes: {policies: [{minSize: 2Gi, maxSize: 1Gi, storageClasses: ['']}, {drivers: ['[']," +
			" minSize: '-1', maxSize: '-1', action: Copy}], snapshotClasses: {ebs.csi.aws.com: 'A b'}, settleTimeout: 200h}}", []string{
			"spec.volumes.policies[0].storageClasses[0] invalid", "spec.volumes.policies[0].maxSize invalid", "spec.volumes.policies[0].action required",
			"spec.volumes.policies[1].drivers[0] invalid", "spec.volumes.policies[1].minSize invalid", "spec.volumes.policies[1].maxSize invalid", "spec.volumes.policies[1].action unsupported",
			"spec.volumes.snapshotClasses[ebs.csi.aws.com] invalid", "spec.volumes.settleTimeout invalid"}},
		{"a restore of volumes that is wrong", "kind: Restore, metadata: {name: r}, spec: {sourceCluster: c, backup: b, targetCluster: c, volumes: {mode: Empty, inPlace: true, storageClassMapping: {gp2: 'A b'}, timeout: -1s}}", []string{
			"spec.volumes.storageClassMapping[gp2] invalid", "spec.volumes.inPlace forbidden", "spec.volumes.timeout invalid"}},
		{"a scheduled time without a schedule", "kind: Backup, metadata: {name: b}, spec: {cluster: c, location: l, scope: {namespaces: [a]}, scheduledFor: '2026-11-22T02:00:00Z'}", []string{"spec.scheduledFor forbidden"}},
		{"a restore of nothing to nowhere", "kind: Restore, metadata: {name: r}, spec: {sourceCluster: '', targetCluster: ''}", []string{"spec.sourceCluster required", "spec required", "spec.targetCluster required"}},
		{"a restore of both sorts where everything is wrong", "kind: Restore, metadata: {name: r}, spec: {sourceCluster: c, backup: 'B', asOf: '2026-11-22T02:00:00Z', targetCluster: 'c/d', namespaceMapping: {A: a, b: B, c: d, e: d}, kinds: [''], excludeKinds: ['x y'], labelSelector: {matchLabels: {a: -}}, clusterScoped: x, conflict: Recreate}", []string{
			"spec.asOf forbidden", "spec.backup invalid", "spec.namespaces required", "spec.targetCluster invalid", "spec.namespaceMapping[A] invalid", "spec.namespaceMapping[b] invalid", "spec.namespaceMapping[e] invalid",
			"spec.kinds[0] invalid", "spec.excludeKinds[0] invalid", "spec.labelSelector.matchLabels invalid", "spec.clusterScoped unsupported", "spec.conflict unsupported"}},
	} {
		var got []string
		for _, e := range decodeOne(t, "{apiVersion: salvor.io/v1, "+c.in+"}").Validate() {
			kind := strings.ToLower(strings.Fields(string(e.Type.String()))[0])
			if strings.HasPrefix(e.Type.String(), "Too long") {
				kind = "too long"
			}
			got = append(got, e.Field+" "+kind)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

func TestValidateBucketNames(t *testing.T) {
	for name, good := range map[string]bool{
		"abc": true, "a.b-c.9": true, strings.Repeat("a", 63): true,
		"ab": false, strings.Repeat("a", 64): false, "a..b": false, "-ab": false, "ab-": false, "a.-": false, "192.168.5.4": false, "Abc": false, "a_b": false,
		"xn--abc": false, "sthree-abc": false, "abc-s3alias": false, "abc--ol-s3": false, "abc--x-s3": false, "abc.mrap": false,
	} {
		l := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
		l.Name, l.Spec.S3 = "l", &salvor.S3Location{Bucket: name}
		if err := salvor.Check(l); (err == nil) != good {
			t.Errorf("bucket %q: %v", name, err)
		}
	}
}

// What could be a secret is not repeated in a message.
func TestValidateKeepsSecrets(t *testing.T) {
	for _, in := range []string{
		"kind: BackupLocation, metadata: {name: l}, spec: {directory: {path: /a, ageRecipients: [AGE-SECRET-KEY-1HUSH]}}",
		"kind: BackupLocation, metadata: {name: l}, spec: {directory: {path: /a, ageRecipients: [age-secret-key-1HUSH]}}",
		"kind: BackupLocation, metadata: {name: l}, spec: {s3: {bucket: abc, endpoint: 'https://key:HUSH@s3.example.org'}}",
		"kind: BackupLocation, metadata: {name: l}, spec: {s3: {bucket: abc, endpoint: 'https://key:HUSH@s3.exa mple.org:x'}}",
		"kind: Cluster, metadata: {name: l}, spec: {eks: {arn: 'arn:aws:eks:eu-central-1:123456789012:cluster/a', roleARN: 'arn:aws:iam::123456789012:role/a', externalID: 'HUSH HUSH'}}",
	} {
		err := salvor.Check(decodeOne(t, "{apiVersion: salvor.io/v1, "+in+"}"))
		if err == nil || strings.Contains(err.Error(), "HUSH") {
			t.Errorf("the error of %s is %v", in, err)
		}
	}
}

func TestValidateKindAndVersion(t *testing.T) {
	r := &salvor.Rule{TypeMeta: salvor.TypeMeta{APIVersion: "v1", Kind: "Backup"}}
	var got []string
	for _, e := range r.Validate() {
		got = append(got, e.Field)
	}
	if want := []string{"apiVersion", "kind", "metadata.name", "spec.subRules"}; !slices.Equal(got, want) {
		t.Errorf("mistakes are in %v, want %v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		why       string
		got, want salvor.Object
	}{
		{"a cluster's id is its name", &salvor.Cluster{ObjectMeta: salvor.ObjectMeta{Name: "shop"}}, func() salvor.Object {
			c := salvor.New(salvor.KindCluster).(*salvor.Cluster)
			c.Name, c.Spec.ID = "shop", "shop"
			return c
		}()},
		{"a policy is in UTC", &salvor.SchedulePolicy{}, func() salvor.Object {
			p := salvor.New(salvor.KindSchedulePolicy).(*salvor.SchedulePolicy)
			p.Spec.TimeZone = "UTC"
			return p
		}()},
		{"a rule's parts are counted from 1, warn about no pods, and fail after 60 s", &salvor.Rule{Spec: salvor.RuleSpec{SubRules: []salvor.SubRule{{}, {Name: "x", OnNoPods: salvor.OnNoPodsFail, Actions: []salvor.Action{
			{}, {Name: "y", Timeout: metav1.Duration{Duration: time.Second}, OnError: salvor.OnErrorContinue}}}}}}, func() salvor.Object {
			r := salvor.New(salvor.KindRule).(*salvor.Rule)
			r.Spec.SubRules = []salvor.SubRule{{Name: "1", OnNoPods: salvor.OnNoPodsWarn}, {Name: "x", OnNoPods: salvor.OnNoPodsFail, Actions: []salvor.Action{
				{Name: "1", Timeout: metav1.Duration{Duration: time.Minute}, OnError: salvor.OnErrorFail}, {Name: "y", Timeout: metav1.Duration{Duration: time.Second}, OnError: salvor.OnErrorContinue}}}}
			return r
		}()},
		{"a backup takes what is needed, as well as it can, for 4 hours", &salvor.Backup{}, func() salvor.Object {
			b := salvor.New(salvor.KindBackup).(*salvor.Backup)
			b.Spec = salvor.BackupSpec{Scope: salvor.Scope{ClusterScoped: salvor.ClusterScopedNeeded}, Consistency: salvor.ConsistencyBestEffort, Timeout: metav1.Duration{Duration: 4 * time.Hour}}
			return b
		}()},
		{"a schedule's template is a backup's", &salvor.BackupSchedule{}, func() salvor.Object {
			s := salvor.New(salvor.KindBackupSchedule).(*salvor.BackupSchedule)
			s.Spec.Template.Spec = salvor.BackupSpec{Scope: salvor.Scope{ClusterScoped: salvor.ClusterScopedNeeded}, Consistency: salvor.ConsistencyBestEffort, Timeout: metav1.Duration{Duration: 4 * time.Hour}}
			return s
		}()},
		{"a restore brings back what is needed and skips what is there", &salvor.Restore{}, func() salvor.Object {
			r := salvor.New(salvor.KindRestore).(*salvor.Restore)
			r.Spec.ClusterScoped, r.Spec.Conflict = salvor.ClusterScopedNeeded, salvor.ConflictSkip
			return r
		}()},
		{"a location has nothing to fill in", &salvor.BackupLocation{}, salvor.New(salvor.KindBackupLocation)},
	} {
		c.got.Default()
		if diff := cmp.Diff(c.want, c.got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

func TestScopeModes(t *testing.T) {
	selector := &metav1.LabelSelector{}
	for why, c := range map[string]struct {
		scope   salvor.Scope
		closure salvor.ClosureMode
		empty   salvor.OnEmpty
	}{
		"a namespace is taken as it is, and may be empty":         {salvor.Scope{Namespaces: []string{"a"}}, salvor.ClosureNone, salvor.OnEmptyComplete},
		"labels choose an application and what it needs":          {salvor.Scope{LabelSelector: selector}, salvor.ClosureFull, salvor.OnEmptyFail},
		"so does one of several selectors":                        {salvor.Scope{OrLabelSelectors: []metav1.LabelSelector{{}}}, salvor.ClosureFull, salvor.OnEmptyFail},
		"so do names":                                             {salvor.Scope{Objects: []salvor.ObjectPattern{{}}}, salvor.ClosureFull, salvor.OnEmptyFail},
		"what is written holds":                                   {salvor.Scope{LabelSelector: selector, Closure: &salvor.Closure{Mode: salvor.ClosureNone}, OnEmpty: salvor.OnEmptyComplete}, salvor.ClosureNone, salvor.OnEmptyComplete},
		"a closure that is limited is wanted, whatever the scope": {salvor.Scope{Closure: &salvor.Closure{Kinds: []string{"secrets"}}}, salvor.ClosureFull, salvor.OnEmptyComplete},
	} {
		if got := c.scope.ClosureMode(); got != c.closure {
			t.Errorf("%s: closure %s", why, got)
		}
		if got := c.scope.EmptyMode(); got != c.empty {
			t.Errorf("%s: empty %s", why, got)
		}
	}
}

func TestRunName(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := salvor.RunName("shop", time.Date(2026, 11, 22, 3, 0, 0, 0, berlin)), "shop-20261122t020000z"; got != want {
		t.Errorf("RunName = %q, want %q", got, want)
	}
}

func TestParseKind(t *testing.T) {
	for want, names := range map[string]string{
		salvor.KindCluster:        "cluster clusters CLUSTERS Cluster",
		salvor.KindBackupLocation: "location locations backuplocation backuplocations BackupLocation bl BL",
		salvor.KindRule:           "rule rules",
		salvor.KindSchedulePolicy: "policy policies schedulepolicy schedulepolicies sp",
		salvor.KindBackupSchedule: "schedule schedules backupschedule backupschedules bs",
		salvor.KindBackup:         "backup backups bk",
		salvor.KindRestore:        "restore restores rs",
	} {
		for name := range strings.FieldsSeq(names) {
			if got, err := salvor.ParseKind(name); err != nil || got != want {
				t.Errorf("ParseKind(%q) = %q, %v, want %q", name, got, err, want)
			}
		}
	}
	for _, kind := range salvor.Kinds() {
		if got, err := salvor.ParseKind(salvor.Plural(kind)); err != nil || got != kind {
			t.Errorf("the plural of %s is that of %q, %v", kind, got, err)
		}
	}
	_, err := salvor.ParseKind("pods")
	if want := `unknown kind "pods"; known are clusters, backuplocations, rules, schedulepolicies, backupschedules, backups, restores`; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestSelector(t *testing.T) {
	sel, err := salvor.Selector(&metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "DoesNotExist"}}})
	if err != nil {
		t.Fatal(err)
	}
	for want, set := range map[bool]map[string]string{true: {"app": "db"}, false: {"app": "db", "tier": "1"}} {
		if got := sel.Matches(labels.Set(set)); got != want {
			t.Errorf("%v is selected: %v", set, got)
		}
	}
	if sel, err := salvor.Selector(nil); err != nil || sel.Matches(labels.Set{}) {
		t.Errorf("nil selects something, or fails: %v", err)
	}
	if sel, err := salvor.Selector(&metav1.LabelSelector{}); err != nil || !sel.Matches(labels.Set{}) {
		t.Errorf("an empty selector does not select everything: %v", err)
	}
	if _, err := salvor.Selector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "In"}}}); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("a bad selector gives %v", err)
	}
}
