package salvor

// RequestAnnotation holds the id of the request that brought an object about: by it, the logs of all that came of the
// request are found. On AWS it is Lambda's id of the invocation.
const RequestAnnotation = "salvor.io/request-id"

// RequestID notes the id of the request that asks for the object; an empty id is not noted.
func (m *ObjectMeta) RequestID(id string) {
	if id == "" {
		return
	}
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[RequestAnnotation] = id
}
