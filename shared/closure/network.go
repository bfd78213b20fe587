package closure

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/rawjson"
)

// service: it comes with the pods that it selects. One that was chosen brings them.
func service(f *Facts, o object) {
	f.Domain, f.Labels = services, decode[map[string]string](o.meta.labels)
	f.signIn(o.meta)
	if selector := decode[map[string]string](rawjson.Get(o.raw, "spec", "selector")); len(selector) > 0 {
		f.Selects = append(f.Selects, Selects{Relation: Act, Domain: Pods, Selector: labels.SelectorFromSet(selector), Why: "selected by", Back: "selects the pods of"})
	}
}

// addresses of a Service that no controller makes: the Endpoints of its name, EndpointSlices by their label.
func (f *Facts) addresses(name string) {
	f.add(Ref{Relation: Act, Kind: services, Name: name, Why: "has the addresses of", Back: "addresses of"})
}

func endpointsFacts(f *Facts, o object) { f.addresses(o.name) }

func endpointSlice(f *Facts, o object) {
	f.addresses(text(rawjson.Get(o.meta.labels, "kubernetes.io/service-name")))
}

// backend adds what a route leads to.
func (f *Facts) backend(t typed) {
	r := t.ref("", "Service")
	r.Relation, r.Why, r.Back = Act, "backend of", "routes to"
	f.add(r)
}

type ingressBackend struct {
	Service struct {
		Name string
		Port struct{ Name string }
	}
	Resource typed
}

func (b *ingressBackend) refer(f *Facts, m meta) {
	if b.Service.Port.Name == useAnnotation {
		f.action(m, b.Service.Name)
		return
	}
	f.backend(typed{Name: b.Service.Name})
	f.backend(b.Resource)
}

type ingressSpec struct {
	IngressClassName string
	DefaultBackend   ingressBackend
	TLS              []struct{ SecretName string }
	Rules            []struct {
		HTTP struct {
			Paths []struct{ Backend ingressBackend }
		}
	}
}

// ingressSecrets are annotations of ingress-nginx that name a Secret, as name or namespace/name.
// https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
var ingressSecrets = []string{"auth-secret", "auth-tls-secret", "proxy-ssl-secret"}

func ingress(f *Facts, o object) {
	s := decode[ingressSpec](rawjson.Get(o.raw, "spec"))
	s.DefaultBackend.refer(f, o.meta)
	for _, rule := range s.Rules {
		for _, p := range rule.HTTP.Paths {
			p.Backend.refer(f, o.meta)
		}
	}
	for _, t := range s.TLS {
		f.need(secrets, t.SecretName, "TLS certificate of")
	}
	f.need(ingressClasses, s.IngressClassName, "ingress class of")
	f.want(ingressClasses, o.meta.annotation("kubernetes.io/ingress.class"), "ingress class of")
	f.signIn(o.meta)
	for _, a := range ingressSecrets {
		ns, name, both := strings.Cut(o.meta.annotation("nginx.ingress.kubernetes.io/"+a), "/")
		if !both {
			ns, name = "", ns
		}
		f.add(Ref{Kind: secrets, Namespace: ns, Name: name, Why: "credentials of"})
	}
}

// parameters adds the object that configures a class.
func (f *Facts) parameters(raw []byte) {
	r := decode[typed](raw).ref("", "")
	r.Why, r.Optional = "parameters of", true
	if r.Type != "" {
		f.add(r)
	}
}

func ingressClass(f *Facts, o object) { f.parameters(rawjson.Get(o.raw, "spec", "parameters")) }

// gatewayGroup is that of the Gateway API (https://gateway-api.sigs.k8s.io/reference/spec/).
const gatewayGroup = "gateway.networking.k8s.io"

type routeFilter struct {
	RequestMirror struct{ BackendRef typed }
	ExtensionRef  typed
}

func (r *routeFilter) refer(f *Facts) {
	f.backend(r.RequestMirror.BackendRef)
	extension := r.ExtensionRef.ref("", "")
	extension.Why = "filter of"
	f.add(extension)
}

type routeSpec struct {
	ParentRefs []typed
	Rules      []struct {
		Filters     []routeFilter
		BackendRefs []struct {
			typed
			Filters []routeFilter
		}
	}
}

// route is any kind of route of the Gateway API.
func route(f *Facts, o object) {
	s := decode[routeSpec](rawjson.Get(o.raw, "spec"))
	for _, p := range s.ParentRefs {
		r := p.ref(gatewayGroup, "Gateway")
		if p.Group == "" && p.Kind != "" && p.Kind != "Gateway" {
			r.Group = "" // a Service of a mesh
		}
		r.Why = "parent of"
		f.add(r)
	}
	for _, rule := range s.Rules {
		for _, filter := range rule.Filters {
			filter.refer(f)
		}
		for _, b := range rule.BackendRefs {
			f.backend(b.typed)
			for _, filter := range b.Filters {
				filter.refer(f)
			}
		}
	}
}

func gateway(f *Facts, o object) {
	spec := rawjson.Get(o.raw, "spec")
	f.need(gatewayClasses, text(rawjson.Get(spec, "gatewayClassName")), "gateway class of")
	f.parameters(rawjson.Get(spec, "infrastructure", "parametersRef"))
	for _, l := range decode[[]struct {
		TLS struct{ CertificateRefs []typed }
	}](rawjson.Get(spec, "listeners")) {
		for _, c := range l.TLS.CertificateRefs {
			r := c.ref("", "Secret")
			r.Why = "TLS certificate of"
			f.add(r)
		}
	}
}

func gatewayClass(f *Facts, o object) { f.parameters(rawjson.Get(o.raw, "spec", "parametersRef")) }

// referenceGrant lets others refer to objects of its namespace; without a name, to all of a kind.
func referenceGrant(f *Facts, o object) {
	for _, t := range decode[[]typed](rawjson.Get(o.raw, "spec", "to")) {
		r := t.ref("", "")
		r.Relation, r.Why, r.Back = Guard, "granted by", "grants references to"
		if r.Name == "" {
			r.Name = anyName
		}
		f.add(r)
	}
}

// guard adds a selector of pods, or of another domain. One that selects all guards those of the application too.
func (f *Facts) guard(domain string, raw []byte, back string) {
	if raw == nil {
		return
	}
	s := decode[metav1.LabelSelector](raw)
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return
	}
	f.Selects = append(f.Selects, Selects{Relation: Guard, Domain: domain, Selector: selector, Back: back})
}

func networkPolicy(f *Facts, o object) {
	f.guard(Pods, rawjson.Get(o.raw, "spec", "podSelector"), "selects the pods of")
}

func disruptionBudget(f *Facts, o object) {
	f.guard(Pods, rawjson.Get(o.raw, "spec", "selector"), "limits disruptions of")
}

// limitRange gives the pods of its namespace their defaults.
func limitRange(f *Facts, _ object) {
	f.Selects = append(f.Selects, Selects{Relation: Guard, Domain: Pods, Selector: labels.Everything(), Back: "gives defaults to the pods of"})
}

// podMonitor and serviceMonitor of the Prometheus operator (https://prometheus-operator.dev/docs/api-reference/api/).
func podMonitor(f *Facts, o object) {
	if ownNamespace(o.raw) {
		f.guard(Pods, rawjson.Get(o.raw, "spec", "selector"), "scrapes the pods of")
	}
	custom(f, o)
}

func serviceMonitor(f *Facts, o object) {
	if ownNamespace(o.raw) {
		f.guard(services, rawjson.Get(o.raw, "spec", "selector"), "scrapes")
	}
	custom(f, o)
}

// ownNamespace tells whether a monitor looks at its own namespace alone.
func ownNamespace(raw []byte) bool {
	s := decode[struct {
		Any        bool
		MatchNames []string
	}](rawjson.Get(raw, "spec", "namespaceSelector"))
	ns := text(rawjson.Get(raw, "metadata", "namespace"))
	return !s.Any && !slices.ContainsFunc(s.MatchNames, func(n string) bool { return n != ns })
}
