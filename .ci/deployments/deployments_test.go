// Package deployments holds the files of deploy/ against the types that read
// them: Compose's own loader and schema, the Kubernetes API's types, the
// Prometheus operator's. It is a module of its own, so that none of these is
// among the bot's.
package deployments

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const deploy = "../../deploy"

// file is a deployment's file, as it stands there or changed.
type file struct{ name, text string }

func read(t *testing.T, name string) file {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(deploy, name))
	if err != nil {
		t.Fatal(err)
	}
	return file{name, string(raw)}
}

// with is the file with one thing said otherwise.
func (f file) with(t *testing.T, old, replacement string) file {
	t.Helper()
	if !strings.Contains(f.text, old) {
		t.Fatalf("%s does not say %q", f.name, old)
	}
	return file{f.name, strings.Replace(f.text, old, replacement, 1)}
}

// composed loads a Compose project: its schema, what its parts refer to, and
// that its secrets are where the bot looks for them.
func composed(t *testing.T, files ...file) error {
	details := compose.ConfigDetails{WorkingDir: deploy, Environment: compose.Mapping{}}
	for _, f := range files {
		details.ConfigFiles = append(details.ConfigFiles, compose.ConfigFile{Filename: f.name, Content: []byte(f.text)})
	}
	project, err := loader.LoadWithContext(t.Context(), details)
	if err != nil {
		return err
	}
	for _, service := range project.Services {
		mounted := map[string]bool{}
		for _, secret := range service.Secrets {
			target := secret.Target
			if target == "" {
				target = "/run/secrets/" + secret.Source
			}
			mounted[target] = true
		}
		for name, value := range service.Environment {
			if strings.HasSuffix(name, "_FILE") && (value == nil || !mounted[*value]) {
				return fmt.Errorf("service %s: no secret is mounted where %s says", service.Name, name)
			}
		}
	}
	return nil
}

func TestComposeAcceptsTheFiles(t *testing.T) {
	base, postgres := read(t, "compose.yaml"), read(t, "compose.postgres.yaml")
	for name, files := range map[string][]file{"SQLite": {base}, "Postgres": {base, postgres}} {
		if err := composed(t, files...); err != nil {
			t.Errorf("with %s: %v", name, err)
		}
	}
	for wrong, files := range map[string][]file{
		"an unknown key":       {base.with(t, "read_only:", "readonly:")},
		"a wrong kind":         {base.with(t, "cap_drop: [ALL]", "cap_drop: ALL")},
		"a missing volume":     {base.with(t, "volumes:\n  data:\n", "")},
		"a missing secret":     {base.with(t, "  slack_app_token: {", "  app_token: {")},
		"a secret not mounted": {base.with(t, "secrets: [slack_app_token, ", "secrets: [")},
		"a missing service":    {base, postgres.with(t, "      postgres: { condition", "      database: { condition")},
		"an unknown condition": {base, postgres.with(t, "service_healthy", "healthy")},
	} {
		if err := composed(t, files...); err == nil {
			t.Errorf("%s passes", wrong)
		} else {
			t.Logf("%s: %v", wrong, err)
		}
	}
}

// cluster is what the manifests make, each a kind by itself.
type cluster struct {
	deployment apps.Deployment
	service    core.Service
	network    networking.NetworkPolicy
	disruption policy.PodDisruptionBudget
	podMonitor monitoring.PodMonitor
}

// decoded reads each manifest as its kind, with no field that the kind lacks.
func decoded(files []file) (*cluster, error) {
	c := &cluster{}
	kinds := map[string]any{
		"apps/v1 Deployment":                  &c.deployment,
		"v1 Service":                          &c.service,
		"networking.k8s.io/v1 NetworkPolicy":  &c.network,
		"policy/v1 PodDisruptionBudget":       &c.disruption,
		"monitoring.coreos.com/v1 PodMonitor": &c.podMonitor,
	}
	for _, f := range files {
		var typed meta.TypeMeta
		if err := yaml.Unmarshal([]byte(f.text), &typed); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		into := kinds[typed.APIVersion+" "+typed.Kind]
		if into == nil {
			return nil, fmt.Errorf("%s: %s %s is none of the kinds known here, or there twice", f.name, typed.APIVersion, typed.Kind)
		}
		if err := yaml.UnmarshalStrict([]byte(f.text), into); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		delete(kinds, typed.APIVersion+" "+typed.Kind)
	}
	if len(kinds) > 0 {
		return nil, fmt.Errorf("there is no %v", kinds)
	}
	return c, nil
}

// consistent tells what a cluster would refuse, or take and never do: parts
// that name what is not there.
func (c *cluster) consistent() error {
	pod := c.deployment.Spec.Template
	for name, selector := range map[string]*meta.LabelSelector{
		"Deployment": c.deployment.Spec.Selector, "PodDisruptionBudget": c.disruption.Spec.Selector,
		"NetworkPolicy": &c.network.Spec.PodSelector, "PodMonitor": &c.podMonitor.Spec.Selector,
		"Service": {MatchLabels: c.service.Spec.Selector},
		"spread":  pod.Spec.TopologySpreadConstraints[0].LabelSelector,
	} {
		selects, err := meta.LabelSelectorAsSelector(selector)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if selects.Empty() || !selects.Matches(labels.Set(pod.Labels)) {
			return fmt.Errorf("the %s does not select the pods", name)
		}
	}
	container := pod.Spec.Containers[0]
	ports := map[string]bool{}
	for _, p := range container.Ports {
		ports[p.Name] = true
	}
	for name, port := range map[string]intstr.IntOrString{
		"liveness": container.LivenessProbe.HTTPGet.Port, "readiness": container.ReadinessProbe.HTTPGet.Port,
		"Service": c.service.Spec.Ports[0].TargetPort, "NetworkPolicy": *c.network.Spec.Ingress[0].Ports[0].Port,
		"PodMonitor": intstr.FromString(*c.podMonitor.Spec.PodMetricsEndpoints[0].Port),
	} {
		if !ports[port.StrVal] {
			return fmt.Errorf("%s: the pod has no port %q", name, port.String())
		}
	}
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
	}
	mounts := ""
	for _, m := range container.VolumeMounts {
		if !volumes[m.Name] {
			return fmt.Errorf("there is no volume %s to mount", m.Name)
		}
		mounts += m.MountPath + "/ "
	}
	for _, e := range container.Env {
		if strings.HasSuffix(e.Name, "_FILE") && !strings.Contains(mounts, filepath.Dir(e.Value)+"/ ") {
			return fmt.Errorf("nothing is mounted where %s says", e.Name)
		}
	}
	return nil
}

func TestKubernetesAcceptsTheManifests(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(deploy, "kubernetes", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for _, path := range paths {
		if name := filepath.Base(path); name != "kustomization.yaml" { // kustomize builds it
			files = append(files, read(t, "kubernetes/"+name))
		}
	}
	accepted := func(files []file) error {
		c, err := decoded(files)
		if err != nil {
			return err
		}
		return c.consistent()
	}
	if err := accepted(files); err != nil {
		t.Error(err)
	}
	for _, wrong := range []struct{ what, in, old, replacement string }{
		{"an unknown field", "deployment.yaml", "minReadySeconds", "minReadySecs"},
		{"a field at the wrong place", "deployment.yaml", "      containers:", "      readOnlyRootFilesystem: true\n      containers:"},
		{"a wrong kind of value", "deployment.yaml", "replicas: 2", "replicas: two"},
		{"a field twice", "deployment.yaml", "  replicas: 2", "  replicas: 2\n  replicas: 3"},
		{"an old version", "poddisruptionbudget.yaml", "policy/v1", "policy/v1beta1"},
		{"a selector of others", "poddisruptionbudget.yaml", "matchLabels: { app.kubernetes.io/name: cancelbot }", "matchLabels: { app: cancelbot }"},
		{"a selector of everything", "networkpolicy.yaml", "    matchLabels: { app.kubernetes.io/name: cancelbot }\n  policyTypes", "    {}\n  policyTypes"},
		{"a port with no name", "service.yaml", "targetPort: http", "targetPort: web"},
		{"a metric's port with no name", "podmonitor.yaml", "port: http", "port: metrics"},
		{"an unknown field of an endpoint", "podmonitor.yaml", "interval: 30s", "every: 30s"},
		{"a rule of the network at the wrong place", "networkpolicy.yaml", "  egress:", "  outgoing:"},
		{"a volume that is not there", "deployment.yaml", "- name: secrets\n          secret:", "- name: secret\n          secret:"},
		{"a secret mounted elsewhere", "deployment.yaml", "mountPath: /run/secrets/cancelbot", "mountPath: /run/secrets"},
	} {
		changed := append([]file(nil), files...)
		for i, f := range changed {
			if f.name == "kubernetes/"+wrong.in {
				changed[i] = f.with(t, wrong.old, wrong.replacement)
			}
		}
		if err := accepted(changed); err == nil {
			t.Errorf("%s passes", wrong.what)
		} else {
			t.Logf("%s: %v", wrong.what, err)
		}
	}
}
