package deployments

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "render deploy/kubernetes from the chart, and copy the chart's files")

const (
	chartDir = "helm/cancelbot"

	// kubeVersion is the cluster that charts are rendered for.
	kubeVersion = "v1.34.0"
)

// rendered maps the chart's templates to the files of the Kustomize base.
var rendered = map[string]string{
	"serviceaccount":      "kubernetes/serviceaccount.yaml",
	"deployment":          "kubernetes/deployment.yaml",
	"service":             "kubernetes/service.yaml",
	"networkpolicy":       "kubernetes/networkpolicy.yaml",
	"poddisruptionbudget": "kubernetes/poddisruptionbudget.yaml",
	"podmonitor":          "kubernetes/components/prometheus-operator/podmonitor.yaml",
	"prometheusrule":      "kubernetes/components/prometheus-operator/prometheusrule.yaml",
	"grafana":             "kubernetes/components/grafana/grafana.yaml",
}

// copied maps the chart's files to those that they are copies of.
var copied = map[string]string{
	chartDir + "/files/rules.yaml":     "prometheus/rules.yaml",
	chartDir + "/files/dashboard.json": "grafana/cancelbot.json",
}

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(filepath.Join(deploy, chartDir))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render renders the chart, and returns what each template with a result
// makes. The service is "Helm" for Helm itself.
func render(t *testing.T, service string, validate bool, values map[string]any) (map[string]string, error) {
	t.Helper()
	c := loadChart(t)
	capabilities := *chartutil.DefaultCapabilities
	capabilities.KubeVersion = chartutil.KubeVersion{Version: kubeVersion, Major: "1", Minor: "34"}
	release := chartutil.ReleaseOptions{Name: "cancelbot", Namespace: "cancelbot", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValuesWithSchemaValidation(c, values, release, &capabilities, !validate)
	if err != nil {
		return nil, err
	}
	all["Release"].(map[string]any)["Service"] = service
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	made := map[string]string{}
	for path, text := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		if text = strings.TrimSpace(text); text != "" {
			made[name] = text + "\n"
		}
	}
	return made, nil
}

// everything switches on whatever is optional, and sets what is required.
func everything() map[string]any {
	on := func() map[string]any { return map[string]any{"enabled": true} }
	return map[string]any{"podMonitor": on(), "prometheusRule": on(), "grafanaDashboard": on(), "config": map[string]any{"CANCEL_POLICY": "members"}}
}

// TestBaseIsTheChart holds the Kustomize base, and the copies inside the chart,
// to their sources. -update writes them.
func TestBaseIsTheChart(t *testing.T) {
	hold := func(name, want, source string) {
		t.Helper()
		path := filepath.Join(deploy, name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("deploy/%s isn't what %s makes: go -C .ci/deployments test -run TestBaseIsTheChart -update .\n%v", name, source, err)
		}
	}
	for name, source := range copied {
		hold(name, read(t, source).text, "deploy/"+source)
	}
	values := everything()
	delete(values, "config") // it comes from the overlay
	made, err := render(t, "kustomize", false, values)
	if err != nil {
		t.Fatal(err)
	}
	for template, name := range rendered {
		hold(name, "# Rendered from deploy/helm/cancelbot by a test of .ci/deployments.\n"+made[template], "the chart")
	}
}

func TestChartLintIsClean(t *testing.T) {
	version := &chartutil.KubeVersion{Version: kubeVersion, Major: "1", Minor: "34"}
	for _, m := range lint.AllWithKubeVersion(filepath.Join(deploy, chartDir), everything(), "cancelbot", version).Messages {
		t.Errorf("%v", m)
	}
}

// objects splits a stream of YAML documents.
func objects(t *testing.T, stream string) (all []file) {
	t.Helper()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(stream)))
	for i := 0; ; i++ {
		raw, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.TrimSpace(raw)) > 0 {
			all = append(all, file{fmt.Sprint("document ", i), string(raw)})
		}
	}
}

// TestChartRenders renders the chart with different values, and decodes the
// result into the API's types.
func TestChartRenders(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	values := everything()
	maps.Copy(values, map[string]any{
		"image":            map[string]any{"digest": digest},
		"config":           map[string]any{"CANCEL_POLICY": "listed", "SLACK_CONNECTIONS": 3, "REQUIRE_REASON": true},
		"extraEnv":         []any{map[string]any{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}},
		"extraObjects":     []any{read(t, "kubernetes/example/externalsecret.yaml").text},
		"podLabels":        map[string]any{"team": "legal-ops"},
		"podMonitor":       map[string]any{"enabled": true, "labels": map[string]any{"release": "kube-prometheus-stack"}},
		"serviceAccount":   map[string]any{"annotations": map[string]any{"example.com/a": "b"}},
		"imagePullSecrets": []any{map[string]any{"name": "registry"}},
	})
	made, err := render(t, "Helm", true, values)
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for name, text := range made {
		if name == "extra" {
			if !strings.Contains(text, "kind: ExternalSecret") {
				t.Errorf("extraObjects: %s", text)
			}
			continue
		}
		if name != "NOTES.txt" {
			files = append(files, file{name, text})
		}
	}
	c, err := decoded(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.consistent(); err != nil {
		t.Error(err)
	}
	container := c.deployment.Spec.Template.Spec.Containers[0]
	if container.Image != "ghcr.io/cancelbot/cancelbot@"+digest {
		t.Errorf("the image is %s", container.Image)
	}
	if got := c.config.Data; got["CANCEL_POLICY"] != "listed" || got["SLACK_CONNECTIONS"] != "3" || got["REQUIRE_REASON"] != "true" {
		t.Errorf("the bot's variables are %v", got)
	}
	if container.EnvFrom[0].ConfigMapRef.Name != c.config.Name {
		t.Errorf("the pod reads its variables from %s, and they are in %s", container.EnvFrom[0].ConfigMapRef.Name, c.config.Name)
	}
	if len(c.rules.Spec.Groups) == 0 || c.podMonitor.Labels["release"] == "" || c.deployment.Labels["helm.sh/chart"] == "" {
		t.Error("a label or a rule is missing")
	}
	other, err := render(t, "Helm", true, map[string]any{"config": map[string]any{"CANCEL_POLICY": "members"}})
	if err != nil {
		t.Fatal(err)
	}
	checksum := regexp.MustCompile(`checksum/config: \w+`)
	if a, b := checksum.FindString(made["deployment"]), checksum.FindString(other["deployment"]); a == "" || a == b {
		t.Errorf("a change of the variables doesn't restart the pods: %q, %q", a, b)
	}
}

func TestChartRefusesWrongValues(t *testing.T) {
	for what, values := range map[string]map[string]any{
		"no policy":                {},
		"a value that isn't there": {"replicas": 3},
		"a token in the values":    {"config": map[string]any{"SLACK_BOT_TOKEN": "xoxb-1"}},
		"an unknown policy":        {"config": map[string]any{"CANCEL_POLICY": "anyone"}},
		"a name that's no digest":  {"image": map[string]any{"digest": "latest"}},
		"no replicas":              {"replicaCount": 0},
		"more than Slack allows":   {"replicaCount": 10},
	} {
		if _, policy := values["config"]; !policy && what != "no policy" {
			values["config"] = map[string]any{"CANCEL_POLICY": "members"}
		}
		if _, err := render(t, "Helm", true, values); err == nil {
			t.Errorf("%s passes", what)
		} else {
			t.Logf("%s: %v", what, err)
		}
	}
}

// build runs Kustomize on a kustomization that names the base by its path
// instead of its address on GitHub.
func build(t *testing.T, kustomization string, besides ...string) []file {
	t.Helper()
	dir := t.TempDir()
	base, err := filepath.Abs(filepath.Join(deploy, "kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	if base, err = filepath.Rel(dir, base); err != nil {
		t.Fatal(err)
	}
	remote := regexp.MustCompile(`github\.com/cancelbot/cancelbot//deploy/kubernetes(\S*?)\?ref=v\S+`)
	if !remote.MatchString(kustomization) {
		t.Fatalf("it doesn't name the base:\n%s", kustomization)
	}
	kustomization = remote.ReplaceAllString(kustomization, base+"$1")
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range besides {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(read(t, name).text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, string(raw))
}

// TestOverlaySetsItsValues builds the example, as the page has it too.
func TestOverlaySetsItsValues(t *testing.T) {
	example := read(t, "kubernetes/example/kustomization.yaml").text
	page, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), example) {
		t.Error("docs/install.md shows another kustomization than deploy/kubernetes/example")
	}
	example += "components:\n" +
		"  - github.com/cancelbot/cancelbot//deploy/kubernetes/components/prometheus-operator?ref=v0.1.0\n" +
		"  - github.com/cancelbot/cancelbot//deploy/kubernetes/components/grafana?ref=v0.1.0\n" +
		"patches:\n  - path: networkpolicy.yaml\n"
	c, err := decoded(build(t, example, "kubernetes/example/networkpolicy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.consistent(); err != nil {
		t.Error(err)
	}
	container := c.deployment.Spec.Template.Spec.Containers[0]
	if !strings.HasPrefix(container.Image, "ghcr.io/cancelbot/cancelbot@sha256:") {
		t.Errorf("the image is %s", container.Image)
	}
	if c.config.Data["CANCEL_POLICY"] == "" || container.EnvFrom[0].ConfigMapRef.Name != c.config.Name {
		t.Errorf("the pod reads its variables from %s, and they are in %s: %v", container.EnvFrom[0].ConfigMapRef.Name, c.config.Name, c.config.Data)
	}
	for what, namespace := range map[string]string{"Deployment": c.deployment.Namespace, "ConfigMap": c.config.Namespace, "PrometheusRule": c.rules.Namespace} {
		if namespace != "cancelbot" {
			t.Errorf("the %s is in the namespace %q", what, namespace)
		}
	}
	if got := len(c.network.Spec.Egress); got != 3 {
		t.Errorf("the narrowed network policy has %d rules for what goes out", got)
	}
}

// cluster is what the manifests make.
type cluster struct {
	account    core.ServiceAccount
	config     core.ConfigMap
	dashboard  core.ConfigMap
	deployment apps.Deployment
	service    core.Service
	network    networking.NetworkPolicy
	disruption policy.PodDisruptionBudget
	podMonitor monitoring.PodMonitor
	rules      monitoring.PrometheusRule
}

// decoded reads each manifest as its kind, and refuses fields that the kind
// doesn't have. The bot's ConfigMap may be missing.
func decoded(files []file) (*cluster, error) {
	c := &cluster{}
	kinds := map[string]any{
		"v1 ServiceAccount":                       &c.account,
		"v1 ConfigMap":                            &c.config,
		"v1 ConfigMap dashboard":                  &c.dashboard,
		"apps/v1 Deployment":                      &c.deployment,
		"v1 Service":                              &c.service,
		"networking.k8s.io/v1 NetworkPolicy":      &c.network,
		"policy/v1 PodDisruptionBudget":           &c.disruption,
		"monitoring.coreos.com/v1 PodMonitor":     &c.podMonitor,
		"monitoring.coreos.com/v1 PrometheusRule": &c.rules,
	}
	for _, f := range files {
		var named meta.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(f.text), &named); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		kind := named.APIVersion + " " + named.Kind
		if strings.HasSuffix(named.Name, "-dashboard") {
			kind += " dashboard"
		}
		into := kinds[kind]
		if into == nil {
			return nil, fmt.Errorf("%s: %s isn't one of the kinds known here, or is there twice", f.name, kind)
		}
		if err := yaml.UnmarshalStrict([]byte(f.text), into); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		delete(kinds, kind)
	}
	delete(kinds, "v1 ConfigMap")
	if len(kinds) > 0 {
		return nil, fmt.Errorf("there is no %v", slices.Sorted(maps.Keys(kinds)))
	}
	return c, nil
}

// consistent finds what a cluster would refuse, or accept and never do: parts
// that refer to something that isn't there.
func (c *cluster) consistent() error {
	pod := c.deployment.Spec.Template
	selectors := map[string]*meta.LabelSelector{
		"Deployment": c.deployment.Spec.Selector, "PodDisruptionBudget": c.disruption.Spec.Selector,
		"NetworkPolicy": &c.network.Spec.PodSelector, "PodMonitor": &c.podMonitor.Spec.Selector,
		"Service": {MatchLabels: c.service.Spec.Selector},
	}
	for _, spread := range pod.Spec.TopologySpreadConstraints {
		selectors["spread by "+spread.TopologyKey] = spread.LabelSelector
	}
	if len(selectors) != 7 {
		return errors.New("the pods aren't spread over nodes and zones")
	}
	for name, selector := range selectors {
		selects, err := meta.LabelSelectorAsSelector(selector)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if selects.Empty() || !selects.Matches(labels.Set(pod.Labels)) {
			return fmt.Errorf("the %s doesn't select the pods", name)
		}
	}
	if pod.Spec.ServiceAccountName != c.account.Name {
		return fmt.Errorf("the pods run as %s, and the account is %s", pod.Spec.ServiceAccountName, c.account.Name)
	}
	if pod.Labels[c.podMonitor.Spec.JobLabel] != "cancelbot" {
		return errors.New("the metrics' job isn't called cancelbot")
	}
	for name := range pod.Annotations {
		if strings.HasPrefix(name, "prometheus.io/") {
			return fmt.Errorf("the pods are scraped twice: by the PodMonitor, and for %s", name)
		}
	}
	if err := c.ports(); err != nil {
		return err
	}
	if err := c.egress(); err != nil {
		return err
	}
	if p := c.disruption.Spec.UnhealthyPodEvictionPolicy; p == nil || *p != policy.AlwaysAllow {
		return errors.New("nodes don't drain while no pod is ready")
	}
	return c.secrets()
}

func (c *cluster) ports() error {
	container := c.deployment.Spec.Template.Spec.Containers[0]
	ports := map[string]bool{}
	for _, p := range container.Ports {
		ports[p.Name] = true
	}
	named := map[string]intstr.IntOrString{
		"Service": c.service.Spec.Ports[0].TargetPort, "NetworkPolicy": *c.network.Spec.Ingress[0].Ports[0].Port,
		"PodMonitor": intstr.FromString(*c.podMonitor.Spec.PodMetricsEndpoints[0].Port),
	}
	for name, probe := range map[string]*core.Probe{"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
		if probe == nil || probe.TimeoutSeconds == 0 || probe.TimeoutSeconds > probe.PeriodSeconds*3 {
			return fmt.Errorf("there's no %s probe with a timeout", name)
		}
		named[name] = probe.HTTPGet.Port
	}
	for name, port := range named {
		if !ports[port.StrVal] {
			return fmt.Errorf("%s: the pod has no port %q", name, port.String())
		}
	}
	return nil
}

// egress allows nothing but HTTPS to every address.
func (c *cluster) egress() error {
	for _, rule := range c.network.Spec.Egress {
		everywhere := len(rule.To) == 0
		for _, to := range rule.To {
			everywhere = everywhere || to.IPBlock != nil && strings.HasSuffix(to.IPBlock.CIDR, "/0")
		}
		for _, port := range rule.Ports {
			if everywhere && port.Port.IntValue() != 443 {
				return fmt.Errorf("port %s is open to every address", port.Port)
			}
		}
	}
	return nil
}

// secrets compares where the secrets are mounted with where the bot reads them.
func (c *cluster) secrets() error {
	pod := c.deployment.Spec.Template.Spec
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440) {
			return errors.New("the secret's files can be read by more than the pod's group")
		}
	}
	mounts := ""
	for _, m := range pod.Containers[0].VolumeMounts {
		if !volumes[m.Name] {
			return fmt.Errorf("there is no volume %s to mount", m.Name)
		}
		mounts += m.MountPath + "/ "
	}
	for _, e := range pod.Containers[0].Env {
		if strings.HasSuffix(e.Name, "_FILE") && !strings.Contains(mounts, filepath.Dir(e.Value)+"/ ") {
			return fmt.Errorf("nothing is mounted where %s says", e.Name)
		}
	}
	return nil
}

func TestKubernetesAcceptsTheManifests(t *testing.T) {
	var files []file
	for _, name := range rendered {
		files = append(files, read(t, name))
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
	selector := "matchLabels:\n      app.kubernetes.io/name: cancelbot"
	for _, wrong := range []struct{ what, in, old, replacement string }{
		{"an unknown field", "deployment", "minReadySeconds", "minReadySecs"},
		{"a field at the wrong place", "deployment", "      containers:", "      readOnlyRootFilesystem: true\n      containers:"},
		{"a wrong kind of value", "deployment", "replicas: 2", "replicas: two"},
		{"a field twice", "deployment", "  replicas: 2", "  replicas: 2\n  replicas: 3"},
		{"an old version", "poddisruptionbudget", "policy/v1", "policy/v1beta1"},
		{"a selector of others", "poddisruptionbudget", selector, "matchLabels:\n      app: cancelbot"},
		{"a selector of everything", "networkpolicy", "    matchLabels:\n      app.kubernetes.io/name: cancelbot\n      app.kubernetes.io/instance: cancelbot\n  policyTypes", "    {}\n  policyTypes"},
		{"a port with no name", "service", "targetPort: http", "targetPort: web"},
		{"a metric's port with no name", "podmonitor", "port: http", "port: metrics"},
		{"an unknown field of an endpoint", "podmonitor", "interval: 30s", "every: 30s"},
		{"a rule of the network at the wrong place", "networkpolicy", "\n  egress:", "\n  outgoing:"},
		{"DNS to everywhere", "networkpolicy", "cidr: 169.254.20.10/32", "cidr: 0.0.0.0/0"},
		{"Postgres to everywhere", "networkpolicy", "cidr: 10.0.0.0/8", "cidr: 0.0.0.0/0"},
		{"nodes that don't drain", "poddisruptionbudget", "AlwaysAllow", "IfHealthyBudget"},
		{"a probe without a timeout", "deployment", "            timeoutSeconds: 3\n", ""},
		{"another account", "deployment", "serviceAccountName: cancelbot", "serviceAccountName: default"},
		{"a secret that all can read", "deployment", "defaultMode: 0440", "defaultMode: 0444"},
		{"a volume that is not there", "deployment", "- name: secrets\n          secret:", "- name: secret\n          secret:"},
		{"a secret mounted elsewhere", "deployment", "mountPath: /run/secrets/cancelbot", "mountPath: /run/secrets"},
		{"an unknown field of a rule", "prometheusrule", "alert:", "alarm:"},
	} {
		changed := append([]file(nil), files...)
		for i, f := range changed {
			if f.name == rendered[wrong.in] {
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
