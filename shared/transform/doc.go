// Package transform says what changes on an object's way back into a cluster, and why. It is pure: it edits JSON as
// bytes, so that numbers, order and unknown fields stay as the old cluster returned them.
//
// What only the old cluster could have set is taken out: identities (uid, clusterIP, the node of a pod), the status of
// built-in kinds, and what a controller or an admission plugin of the target sets again. The status of a custom
// resource stays: the API server drops it where the kind has a status subresource, and where it has none it is data
// like any other (a finished workflow would run again without it).
//
// With a namespace mapping, these follow it: metadata.namespace, the names of Namespaces, subjects of bindings (service
// accounts, and the users and groups that stand for them), Services of webhooks, conversions and APIServices, claims of
// volumes, data sources of claims, and namespaceSelectors by the label kubernetes.io/metadata.name in NetworkPolicies,
// webhooks and admission policy bindings. What stays as it is: DNS names and other text (environment, ConfigMaps,
// hosts, externalName), namespaces of pod affinity terms, secrets that a PersistentVolume or a StorageClass names, the
// last-applied annotation, and whatever a custom resource holds.
package transform
