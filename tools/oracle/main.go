// oracle converts Dockerfiles to LLB with BuildKit's own converter (a Go module, v0.32.2) and prints
// what `bob llb` has to reproduce. The differential fuzzer asks it, and so may you:
//
//	go run ./oracle < cases.jsonl > expected.jsonl   one case a line, see Case and Expected
//	go run ./oracle dump DOCKERFILE [TARGET]         one op a line, as `buildctl debug dump-llb` prints it
//	go run ./oracle dump CASE                        the same for one case, given as its JSON
//
// A case's options travel the way they do in a real build: buildx's side of it, flags to frontend
// options, is in options.go; the frontend's side is BuildKit's own dockerui package, which runs here
// against a made-up gateway (gateway.go) that has no files but the Dockerfile and .dockerignore.
//
// Base images are never fetched: every reference resolves to a made-up digest and config derived
// from its name, listed under "images" in the shape that `bob llb --image-lock` reads.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Expected is one line of the output.
type Expected struct {
	Case
	OK          bool            `json:"ok"`
	Error       string          `json:"error,omitempty"`
	Line        int             `json:"line,omitempty"`
	Root        string          `json:"root,omitempty"`
	Ops         []string        `json:"ops,omitempty"`
	IgnoreCache []string        `json:"ignore_cache,omitempty"` // the ops whose metadata says "ignore_cache"
	Steps       []string        `json:"steps,omitempty"`        // what people see of each op, if the case asks for it, see steps
	Config      json.RawMessage `json:"config,omitempty"`
	Images      []LockedImage   `json:"images,omitempty"`
	Warnings    []string        `json:"warnings,omitempty"`
	Micros      int64           `json:"micros,omitempty"`
}

func convert(c Case) (e Expected, def *llb.Definition) {
	e.Case = c
	var gw *gateway
	defer func() {
		if r := recover(); r != nil {
			e.OK, e.Error = false, fmt.Sprintf("panic: %v %s", r, debug.Stack()[:200])
		}
	}()
	err := func() error {
		dt := c.Text
		if dt == nil {
			var err error
			if dt, err = os.ReadFile(c.Dockerfile); err != nil {
				return err
			}
		}
		var err error
		if gw, err = newGateway(c); err != nil {
			return err
		}
		bc, err := dockerui.NewClient(gw)
		if err != nil {
			return err
		}
		opt := dockerfile2llb.ConvertOpt{
			Config:       bc.Config,
			Client:       bc,
			MetaResolver: gw,
			AllStages:    c.AllStages,
			SourceMap:    llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", dt),
			Warn: func(rule, desc, url, msg string, loc []parser.Range) {
				line := 0
				if len(loc) > 0 {
					line = loc[0].Start.Line
				}
				e.Warnings = append(e.Warnings, fmt.Sprintf("%s:%d: %s", rule, line, msg))
			},
		}
		opt.BuildArgs = maps.Clone(opt.BuildArgs)
		if len(bc.TargetPlatforms) > 0 {
			opt.TargetPlatform = &bc.TargetPlatforms[0]
		}
		t0 := time.Now()
		res, err := dockerfile2llb.Dockerfile2LLB(context.Background(), dt, opt)
		if err != nil {
			return err
		}
		if def, err = res.State.Marshal(context.Background(), llb.LocalUniqueID("corpus")); err != nil {
			return err
		}
		e.Micros = time.Since(t0).Microseconds()
		for _, d := range def.Def {
			dg := digest.FromBytes(d)
			e.Ops = append(e.Ops, dg.String())
			if def.Metadata[dg].IgnoreCache {
				e.IgnoreCache = append(e.IgnoreCache, dg.String())
			}
		}
		if n := len(e.Ops); n > 0 {
			e.Root = e.Ops[n-1]
		}
		if c.Steps {
			e.Steps = steps(def)
		}
		e.Config, err = json.Marshal(res.Image)
		return err
	}()
	e.OK = err == nil
	if err != nil {
		e.Error = err.Error()
		var le *parser.LocationError
		if errors.As(err, &le) && len(le.Locations) > 0 && len(le.Locations[0]) > 0 {
			e.Line = le.Locations[0][0].Start.Line
		}
	}
	if gw != nil {
		for _, i := range gw.imgs {
			e.Images = append(e.Images, i)
		}
	}
	sort.Slice(e.Images, func(a, b int) bool {
		return e.Images[a].Ref+e.Images[a].Platform < e.Images[b].Ref+e.Images[b].Platform
	})
	sort.Strings(e.Warnings)
	return e, def
}

// steps says of each op, in order, what is no part of its digest: the step's name, the instruction, the
// capabilities, the group that it is shown in, and its lines.
func steps(def *llb.Definition) (out []string) {
	for _, d := range def.Def {
		dg := digest.FromBytes(d)
		md := def.Metadata[dg]
		var caps []string
		for c, ok := range md.Caps {
			if ok {
				caps = append(caps, string(c))
			}
		}
		sort.Strings(caps)
		group := ""
		if g := md.ProgressGroup; g != nil {
			group = fmt.Sprintf("%s %t", g.Name, g.Weak)
		}
		var lines []string
		if def.Source != nil && def.Source.Locations[dg.String()] != nil {
			for _, l := range def.Source.Locations[dg.String()].Locations {
				for _, r := range l.Ranges {
					lines = append(lines, fmt.Sprintf("%d-%d", r.Start.Line, r.End.Line))
				}
				lines = append(lines, ".")
			}
		}
		out = append(out, strings.Join([]string{
			md.Description["llb.customname"], md.Description["com.docker.dockerfile.v1.command"],
			strings.Join(caps, " "), group, strings.Join(lines, " "),
		}, " | "))
	}
	return out
}

// dump prints the graph of one Dockerfile or case, or the error that BuildKit gives for it.
func dump(args []string) int {
	c := Case{Dockerfile: args[0]}
	if strings.HasPrefix(args[0], "{") {
		c.Dockerfile = ""
		if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	if len(args) > 1 {
		c.Target = args[1]
	}
	e, def := convert(c)
	if !e.OK {
		fmt.Fprintf(os.Stderr, "line %d: %s\n", e.Line, e.Error)
		return 1
	}
	enc := json.NewEncoder(os.Stdout)
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		dg := digest.FromBytes(dt)
		_ = enc.Encode(struct {
			Op         *pb.Op
			Digest     digest.Digest
			OpMetadata any
		}{&op, dg, def.Metadata[dg]})
	}
	_ = enc.Encode(map[string]json.RawMessage{"Config": e.Config})
	for _, w := range e.Warnings {
		fmt.Fprintln(os.Stderr, w)
	}
	return 0
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "dump" {
		os.Exit(dump(os.Args[2:]))
	}
	sc := bufio.NewScanner(os.Stdin)
	sc.Buffer(make([]byte, 1<<20), 1<<26)
	w := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(w)
	for sc.Scan() {
		var c Case
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		e, _ := convert(c)
		_ = enc.Encode(e)
		_ = w.Flush() // whoever asks may wait for the answer before asking on
	}
}
