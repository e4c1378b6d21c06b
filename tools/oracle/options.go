package main

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/go-units"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/solver/pb"
)

// Case is one line of the input: a Dockerfile and the flags to convert it with. The flags are those
// of `docker buildx build`, but for --build-platform, which stands for the builder's own platform.
type Case struct {
	ID            string            `json:"id"`
	Dockerfile    string            `json:"dockerfile,omitempty"`      // --file, a path
	Text          []byte            `json:"text,omitempty"`            // the Dockerfile itself, in base64, instead of a path
	Target        string            `json:"target,omitempty"`          // --target
	Platform      string            `json:"platform,omitempty"`        // --platform, one
	BuildArgs     map[string]string `json:"build_args,omitempty"`      // --build-arg K=V, each; also BUILDKIT_… and SOURCE_DATE_EPOCH
	BuildPlatform string            `json:"build_platform,omitempty"`  // --build-platform, linux/amd64 if unset
	Labels        map[string]string `json:"labels,omitempty"`          // --label K=V, each
	NoCache       bool              `json:"no_cache,omitempty"`        // --no-cache
	NoCacheFilter []string          `json:"no_cache_filter,omitempty"` // --no-cache-filter S, each
	AddHost       []string          `json:"add_host,omitempty"`        // --add-host HOST:IP, each
	Network       string            `json:"network,omitempty"`         // --network host|none|default
	ShmSize       string            `json:"shm_size,omitempty"`        // --shm-size N, as in 64m
	Ulimit        []string          `json:"ulimit,omitempty"`          // --ulimit NAME=SOFT[:HARD], each
	CgroupParent  string            `json:"cgroup_parent,omitempty"`   // --cgroup-parent P
	Pull          bool              `json:"pull,omitempty"`            // --pull
	Contexts      map[string]string `json:"contexts,omitempty"`        // --build-context NAME=VALUE, each
	AllStages     bool              `json:"all_stages,omitempty"`      // no flag: convert every stage, as the build checks do
	Steps         bool              `json:"steps,omitempty"`           // no flag: also tell what people see of each op
	Ignore        string            `json:"ignore,omitempty"`          // no flag: the text of .dockerignore in the context directory
}

// frontendOpts are the options that buildx hands to the Dockerfile frontend for a case's flags.
func frontendOpts(c Case) (map[string]string, error) {
	o := map[string]string{}
	set := func(k, v string) {
		if v != "" {
			o[k] = v
		}
	}
	set("target", c.Target)
	set("platform", c.Platform)
	set("cgroup-parent", c.CgroupParent)
	for k, v := range c.BuildArgs {
		o["build-arg:"+k] = v
	}
	for k, v := range c.Labels {
		if k == "" {
			return nil, fmt.Errorf("label without a name: =%s", v)
		}
		o["label:"+k] = v
	}
	if c.Pull {
		o["image-resolve-mode"] = pb.AttrImageResolveModeForcePull
	}

	switch {
	case c.NoCache && len(c.NoCacheFilter) > 0:
		return nil, fmt.Errorf("--no-cache and --no-cache-filter do not go together")
	case c.NoCache:
		o["no-cache"] = "" // every stage
	case len(c.NoCacheFilter) > 0:
		o["no-cache"] = strings.Join(c.NoCacheFilter, ",")
	}

	switch c.Network {
	case "host", "none":
		o["force-network-mode"] = c.Network
	case "", "default":
	default:
		return nil, fmt.Errorf("unknown network mode %q", c.Network)
	}

	var hosts []string
	for _, h := range c.AddHost {
		host, ips, ok := strings.Cut(h, "=")
		if !ok {
			host, ips, ok = strings.Cut(h, ":")
		}
		if !ok || host == "" || ips == "" {
			return nil, fmt.Errorf("invalid host %q", h)
		}
		for _, ip := range strings.Split(ips, ",") {
			if n := len(ip); n > 2 && ip[0] == '[' && ip[n-1] == ']' {
				ip = ip[1 : n-1]
			}
			if net.ParseIP(ip) == nil {
				return nil, fmt.Errorf("invalid host %q", h)
			}
			hosts = append(hosts, host+"="+ip)
		}
	}
	set("add-hosts", strings.Join(hosts, ","))

	if c.ShmSize != "" {
		n, err := units.RAMInBytes(c.ShmSize)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			o["shm-size"] = strconv.FormatInt(n, 10)
		}
	}

	// one limit a name, the last one given, in the order of the names
	limits := map[string]string{}
	var names []string
	for _, s := range c.Ulimit {
		u, err := units.ParseUlimit(s)
		if err != nil {
			return nil, err
		}
		if _, ok := limits[u.Name]; !ok {
			names = append(names, u.Name)
		}
		limits[u.Name] = u.String()
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = limits[n]
	}
	set("ulimit", strings.Join(names, ","))

	for k, v := range c.Contexts {
		named, err := reference.ParseNormalizedNamed(k)
		if err != nil {
			return nil, fmt.Errorf("invalid context name %s: %w", k, err)
		}
		k = strings.TrimSuffix(reference.FamiliarString(named), ":latest")
		if _, isGit, _ := dfgitutil.ParseGitRef(v); !isGit && !strings.Contains(v, "://") {
			// a directory, empty in these cases; buildx also sends a shared key made from the
			// directory's name and the builder's id, which is left out here
			v = "local:" + k
			if k == "context" || k == "dockerfile" {
				v = "local:_" + k
			}
		}
		o["context:"+k] = v
	}
	return o, nil
}
