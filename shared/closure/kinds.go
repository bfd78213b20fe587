package closure

// The kinds that references lead to.
const (
	configMaps       = "configmaps"
	secrets          = "secrets"
	claims           = "persistentvolumeclaims"
	volumes          = "persistentvolumes"
	services         = "services"
	serviceAccounts  = "serviceaccounts"
	endpoints        = "endpoints"
	pods             = "pods"
	replicaSets      = "replicasets.apps"
	statefulSets     = "statefulsets.apps"
	storageClasses   = "storageclasses.storage.k8s.io"
	attributes       = "volumeattributesclasses.storage.k8s.io"
	priorityClasses  = "priorityclasses.scheduling.k8s.io"
	runtimeClasses   = "runtimeclasses.node.k8s.io"
	ingressClasses   = "ingressclasses.networking.k8s.io"
	gatewayClasses   = "gatewayclasses.gateway.networking.k8s.io"
	gateways         = "gateways.gateway.networking.k8s.io"
	deviceClasses    = "deviceclasses.resource.k8s.io"
	resourceClaims   = "resourceclaims.resource.k8s.io"
	claimTemplates   = "resourceclaimtemplates.resource.k8s.io"
	roles            = "roles.rbac.authorization.k8s.io"
	roleBindings     = "rolebindings.rbac.authorization.k8s.io"
	clusterRoles     = "clusterroles.rbac.authorization.k8s.io"
	clusterBindings  = "clusterrolebindings.rbac.authorization.k8s.io"
	definitions      = "customresourcedefinitions.apiextensions.k8s.io"
	validating       = "validatingwebhookconfigurations.admissionregistration.k8s.io"
	mutating         = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
	apiServices      = "apiservices.apiregistration.k8s.io"
	snapshots        = "volumesnapshots.snapshot.storage.k8s.io"
	snapshotContents = "volumesnapshotcontents.snapshot.storage.k8s.io"
	snapshotClasses  = "volumesnapshotclasses.snapshot.storage.k8s.io"
	providerClasses  = "secretproviderclasses.secrets-store.csi.x-k8s.io"
)

// comeWith lists the kinds without namespace whose objects act on some kind: they are looked through when one of it is taken.
var comeWith = map[string][]string{
	services:        {validating, mutating, apiServices, definitions},
	serviceAccounts: {clusterBindings},
}
