package cluster

// ListRequest asks for one page of a list.
type ListRequest struct {
	Resource Resource
	// Namespace is empty for all.
	Namespace string
	// LabelSelector in kubectl's notation.
	LabelSelector string
	// FieldSelector such as metadata.name=x.
	FieldSelector string
	// Revision reads at exactly this one; "" reads the newest, consistently. Ignored with Continue.
	Revision string
	// Continue is ListResult.Continue of the page before.
	Continue string
	// Limit is the most items of the page; 0: all.
	Limit int
}

// ListResult is what a page says about itself.
type ListResult struct {
	// Revision at which the page was read.
	Revision string
	// Continue is "" on the last page.
	Continue string
	// Remaining items after this page, as far as the server tells; 0 otherwise.
	Remaining int64
	// Items handed out.
	Items int
	// Bytes of the page.
	Bytes int64
}

// Item is one object of a list, as the API server returned it.
type Item struct {
	Namespace, Name string
	// HasType tells whether Raw has apiVersion and kind of its own; built-in kinds leave them out of lists.
	HasType bool
	// Raw is the object's JSON. It is valid only until the callback returns: copy what is kept.
	Raw []byte
}

// Key returns namespace/name, or the name alone: an API server lists objects of one kind by ascending Key (that of etcd).
func (i Item) Key() string {
	if i.Namespace == "" {
		return i.Name
	}
	return i.Namespace + "/" + i.Name
}
