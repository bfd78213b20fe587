package httpapi

import (
	"net/http"

	"salvor.io/salvor/shared/salvor"
)

// syncLocation begins a sync: the location's status says how it went.
func (s *Server) syncLocation(r *http.Request) (*reply, error) {
	if s.Sync == nil {
		return nil, salvor.Errorf(salvor.Invalid, "this server syncs no locations")
	}
	name := r.PathValue("name")
	o, err := s.Catalog.Get(r.Context(), salvor.KindBackupLocation, name)
	if err != nil {
		return nil, err
	}
	if err := s.Sync(r.Context(), name); err != nil {
		return nil, err
	}
	return &reply{status: http.StatusAccepted, body: o, version: o.Meta().ResourceVersion, location: "/v1/locations/" + name}, nil
}
