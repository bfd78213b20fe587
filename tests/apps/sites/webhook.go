package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// serve answers the API server with the certificate that is mounted at /certificate.
func serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /mutate", review(mutate))
	mux.HandleFunc("POST /validate", review(validate))
	mux.HandleFunc("POST /convert", review(convert))
	mux.HandleFunc("POST /pass", review(func(json.RawMessage) (object, error) { return object{"allowed": true}, nil }))
	server := &http.Server{Addr: ":8443", Handler: mux, ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair("/certificate/tls.crt", "/certificate/tls.key")
			return &c, err
		}}}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// review answers a review of the API server: what it asks comes in request, what is answered goes in response.
func review(answer func(request json.RawMessage) (object, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			APIVersion, Kind string
			Request          json.RawMessage
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var id struct{ UID string }
		if err := json.Unmarshal(review.Request, &id); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response, err := answer(review.Request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response["uid"] = id.UID
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(object{"apiVersion": review.APIVersion, "kind": review.Kind, "response": response})
	}
}

// admission is what the API server asks about one object.
type admission struct {
	Object struct {
		Spec struct {
			Page     struct{ Title string }
			Replicas *int
		}
	}
}

// mutate fills in how many pods serve the page.
func mutate(request json.RawMessage) (object, error) {
	var a admission
	if err := json.Unmarshal(request, &a); err != nil {
		return nil, err
	}
	if a.Object.Spec.Replicas != nil {
		return object{"allowed": true}, nil
	}
	patch := []byte(`[{"op":"add","path":"/spec/replicas","value":1}]`)
	return object{"allowed": true, "patchType": "JSONPatch", "patch": base64.StdEncoding.EncodeToString(patch)}, nil
}

// validate refuses a Site without a title.
func validate(request json.RawMessage) (object, error) {
	var a admission
	if err := json.Unmarshal(request, &a); err != nil {
		return nil, err
	}
	if a.Object.Spec.Page.Title == "" {
		return object{"allowed": false, "status": object{"message": "a Site needs a title"}}, nil
	}
	return object{"allowed": true}, nil
}

// convert turns Sites of v1beta1, which have title and text in their spec, into those of v1, and back.
func convert(request json.RawMessage) (object, error) {
	var r struct {
		DesiredAPIVersion string
		Objects           []object
	}
	if err := json.Unmarshal(request, &r); err != nil {
		return nil, err
	}
	for _, o := range r.Objects {
		if spec, ok := o["spec"].(object); ok && o["apiVersion"] != r.DesiredAPIVersion {
			page, _ := spec["page"].(object)
			if page == nil {
				page = object{}
			}
			if delete(spec, "page"); r.DesiredAPIVersion == "web.example.com/v1" {
				move(spec, page)
				spec["page"] = page
			} else {
				move(page, spec)
			}
		}
		o["apiVersion"] = r.DesiredAPIVersion
	}
	return object{"result": object{"status": "Success"}, "convertedObjects": r.Objects}, nil
}

// move moves what a page consists of.
func move(from, to object) {
	for _, key := range []string{"title", "text"} {
		if v, there := from[key]; there {
			to[key] = v
			delete(from, key)
		}
	}
}
