package home

import (
	"context"

	"salvor.io/salvor/shared/restore"
)

// Restores returns the engine that restores. The caller may set its hooks.
func (h *Home) Restores() *restore.Engine {
	return &restore.Engine{
		Catalog: h.Catalog, Open: h.Repository, Connect: h.connect, Now: h.options.Now, Holder: h.options.Holder, CatalogID: h.ID,
	}
}

func (h *Home) connect(ctx context.Context, name string) (restore.Target, error) {
	_, client, err := h.NamedCluster(ctx, name)
	if err != nil {
		return nil, err
	}
	return client, nil
}
