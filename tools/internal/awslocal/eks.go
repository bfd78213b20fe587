package awslocal

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// serveEKS answers GET /clusters and GET /clusters/NAME: https://docs.aws.amazon.com/eks/latest/APIReference.
func (s *Server) serveEKS(w http.ResponseWriter, r *http.Request, c *caller, accounts *Accounts) *failure {
	name, one := strings.CutPrefix(r.URL.Path, "/clusters/")
	action, resource := "eks:ListClusters", "*"
	if one {
		action, resource = "eks:DescribeCluster", "arn:aws:eks:"+c.region+":"+c.account()+":cluster/"+name
	}
	if r.Method != http.MethodGet || !one && r.URL.Path != "/clusters" {
		return &failure{http.StatusNotFound, "UnknownOperationException", "only ListClusters and DescribeCluster are answered here"}
	}
	if c.role != nil && !allows(c.role.Permissions, request{action: action, resource: resource}) {
		return &failure{http.StatusForbidden, "AccessDeniedException", "User: " + c.arn + " is not authorized to perform: " + action + " on resource: " + resource}
	}
	clusters := accounts.clusters(c.account(), c.region)
	if !one {
		return listClusters(w, r, clusters)
	}
	i := slices.IndexFunc(clusters, func(c Cluster) bool { return c.name() == name })
	if i < 0 {
		return &failure{http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: " + name + "."}
	}
	writeJSON(w, http.StatusOK, map[string]any{"cluster": describe(clusters[i])})
	return nil
}

func describe(c Cluster) map[string]any {
	status := c.Status
	if status == "" {
		status = "ACTIVE"
	}
	return map[string]any{
		"arn": c.ARN, "name": c.name(), "endpoint": c.Endpoint, "status": status, "version": c.Version, "createdAt": 1795341600,
		"certificateAuthority": map[string]string{"data": base64.StdEncoding.EncodeToString([]byte(c.CA))},
		"resourcesVpcConfig":   map[string]bool{"endpointPublicAccess": !c.Private, "endpointPrivateAccess": c.Private},
	}
}

// listClusters answers pages: the token is the number of names that came before.
func listClusters(w http.ResponseWriter, r *http.Request, clusters []Cluster) *failure {
	var names []string
	for _, c := range clusters {
		names = append(names, c.name())
	}
	slices.Sort(names)
	from, _ := strconv.Atoi(r.URL.Query().Get("nextToken"))
	limit, err := strconv.Atoi(r.URL.Query().Get("maxResults"))
	if err != nil || limit < 1 || limit > 100 {
		limit = 100
	}
	answer := map[string]any{"clusters": append([]string{}, names[min(from, len(names)):min(from+limit, len(names))]...)}
	if from+limit < len(names) {
		answer["nextToken"] = strconv.Itoa(from + limit)
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func writeEKSError(w http.ResponseWriter, f *failure) {
	w.Header().Set("X-Amzn-Errortype", f.code)
	writeJSON(w, f.status, map[string]string{"message": f.message})
}
