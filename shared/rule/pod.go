package rule

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// defaultContainer is the annotation that kubectl exec follows too
// (https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-default-container).
const defaultContainer = "kubectl.kubernetes.io/default-container"

// pod is what is needed of a Pod.
type pod struct {
	Metadata struct {
		Namespace         string            `json:"namespace"`
		Name              string            `json:"name"`
		UID               string            `json:"uid"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
		DeletionTimestamp *metav1.Time      `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		Containers     []container `json:"containers"`
		InitContainers []container `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase                 string            `json:"phase"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
	} `json:"status"`
}

type container struct {
	Name string `json:"name"`
	// RestartPolicy Always on an init container makes it a sidecar.
	RestartPolicy string `json:"restartPolicy"`
}

type containerStatus struct {
	Name  string `json:"name"`
	State struct {
		Running *struct{} `json:"running"`
		Waiting *struct {
			Reason string `json:"reason"`
		} `json:"waiting"`
		Terminated *struct {
			Reason string `json:"reason"`
		} `json:"terminated"`
	} `json:"state"`
}

func (p *pod) key() string { return p.Metadata.Namespace + "/" + p.Metadata.Name }

func (p *pod) ref() salvor.PodRef {
	return salvor.PodRef{Namespace: p.Metadata.Namespace, Name: p.Metadata.Name, UID: p.Metadata.UID}
}

const phaseRunning = "Running"

// running reports whether commands can be run in the pod as a whole.
func (p *pod) running() bool {
	return p.Status.Phase == phaseRunning && p.Metadata.DeletionTimestamp == nil
}

// container finds the container that an action without, or with, a name means.
func (p *pod) container(asked string) (string, error) {
	var names, sidecars []string
	for _, c := range p.Spec.Containers {
		names = append(names, c.Name)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy == "Always" {
			sidecars = append(sidecars, c.Name)
		}
	}
	annotated := p.Metadata.Annotations[defaultContainer]
	has := "it has " + strings.Join(append(slices.Clone(names), sidecars...), ", ")
	switch {
	case asked != "" && (slices.Contains(names, asked) || slices.Contains(sidecars, asked)):
		return asked, nil
	case asked != "":
		return "", fmt.Errorf("there is no container %q; %s", asked, has)
	case slices.Contains(names, annotated):
		return annotated, nil
	case annotated != "":
		return "", fmt.Errorf("there is no container %q, which its annotation %s names; %s", annotated, defaultContainer, has)
	case len(names) == 1:
		return names[0], nil
	}
	return "", fmt.Errorf("the action has to name a container; %s", has)
}

// why says why the container doesn't run; empty: it does.
func (p *pod) why(container string) string {
	for _, s := range append(slices.Clone(p.Status.ContainerStatuses), p.Status.InitContainerStatuses...) {
		switch {
		case s.Name != container:
		case s.State.Running != nil:
			return ""
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			return s.State.Waiting.Reason
		case s.State.Terminated != nil && s.State.Terminated.Reason != "":
			return s.State.Terminated.Reason
		}
	}
	return "not started"
}
