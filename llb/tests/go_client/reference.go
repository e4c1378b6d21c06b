// Prints what BuildKit's own client makes of the graphs in these tests: for each its name, its ops'
// digests, cut to 12 digits, the digest of its whole definition, and that of its JSON as
// `buildctl debug dump-llb` prints it.
//
// It needs a module that requires github.com/moby/buildkit:
//
//	go run . > reference.tsv
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/llbbuild"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	apicapspb "github.com/moby/buildkit/util/apicaps/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/proto"
)

type graph struct {
	name  string
	state llb.State
	opts  []llb.ConstraintsOpt
}

var (
	alpine       = llb.Image("alpine:3.20")
	busybox      = llb.Image("busybox")
	buildContext = llb.Local("context", llb.SessionID("s1"))
	armv7        = llb.Platform(ocispecs.Platform{OS: "linux", Architecture: "arm", Variant: "v7"})
	sha          = digest.Digest("sha256:" + strings.Repeat("ab", 32))
	epoch        = time.Unix(1700000000, 5)
)

func run(s llb.State, opts ...llb.RunOption) llb.ExecState {
	return s.Run(append([]llb.RunOption{llb.Args([]string{"make"})}, opts...)...)
}

func ranges(first, last int32) []*pb.Range {
	return []*pb.Range{{Start: &pb.Position{Line: first}, End: &pb.Position{Line: last}}}
}

func sources() []graph {
	limit := func(n int) llb.OCILayoutOption { return llb.OCILayerLimit(n) }
	keys := "github.com ssh-ed25519 AAAA"
	return []graph{
		{name: "image", state: llb.Image("alpine")},
		{name: "image_pulled", state: llb.Image("ghcr.io/a/b:1@"+string(sha), llb.ResolveModeForcePull, llb.MarkImageInternal)},
		{name: "image_local_for_arm", state: llb.Image("localhost:5000/a", llb.ResolveModePreferLocal, armv7)},
		{name: "image_windows", state: llb.Image("a/b", llb.Platform(ocispecs.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.1", OSFeatures: []string{"win32k", ""}}))},
		{name: "local", state: llb.Local("context")},
		{name: "local_with_session", state: llb.Local("a b", llb.SessionID("s1"), llb.SharedKeyHint("hint"))},
		{name: "local_patterns", state: llb.Local("c", llb.SessionID("s1"),
			llb.IncludePatterns([]string{"a&b", "<é>\u2028"}), llb.ExcludePatterns([]string{"*", "!x\ty\x01"}), llb.FollowPaths([]string{"Dockerfile"}))},
		{name: "local_differ", state: llb.Local("c", llb.SessionID("s1"), llb.Differ(llb.DiffNone, false), llb.MetadataOnlyTransfer(nil))},
		{name: "local_differ_required", state: llb.Local("c", llb.SessionID("s1"), llb.Differ(llb.DiffMetadata, true), llb.MetadataOnlyTransfer([]string{"a"}))},
		{name: "git", state: llb.Git("github.com/moby/buildkit.git", "")},
		{name: "git_fragment", state: llb.Git("https://user:pw@github.com/moby/buildkit.git?x=1#y", "v0.1:/a/../sub/")},
		{name: "git_ssh", state: llb.Git("git@github.com:moby/buildkit.git", "main", llb.KnownSSHHosts(keys), llb.KnownSSHHosts("b\n"))},
		{name: "git_ssh_url", state: llb.Git("SSH://git@github.com:22/moby/build%20kit.git", ":docs", llb.KnownSSHHosts(keys), llb.MountSSHSock("key"))},
		{name: "git_options", state: llb.Git("https://github.com/moby/buildkit", "main", llb.KeepGitDir(), llb.AuthTokenSecret(""), llb.AuthHeaderSecret("header"),
			llb.GitChecksum("abcdef"), llb.GitSkipSubmodules(), llb.GitMTimeCommit(), llb.GitFetchByCommit())},
		{name: "git_bundle", state: llb.Git("git://example.com/a/b/../c", "", llb.GitChecksum("ab"), llb.GitCheckoutBundle(),
			llb.GitBundleURL("oci-layout+blob://x@"+string(sha), llb.GitBundleOCIStore("s1", "store")))},
		{name: "git_unknown_scheme", state: llb.Git("ftp://example.com/a", "main")},
		{name: "git_odd_path", state: llb.Git("https://example.com/a b/ü", "", llb.AuthTokenSecret(""), llb.AuthHeaderSecret(""))},
		{name: "git_encoded_path", state: llb.Git("https://example.com/%c3%bc%2Fx", "main")},
		{name: "git_malformed_path", state: llb.Git("example.com/%zz", "main")},
		{name: "git_control_character", state: llb.Git("https://example.com/a\x01", "main")},
		{name: "git_blank_in_host", state: llb.Git("https://exam ple.com/a", "main")},
		{name: "http", state: llb.HTTP("https://example.com/a.tar.gz")},
		{name: "http_options", state: llb.HTTP("http://example.com/a", llb.Checksum(sha), llb.Filename("b"), llb.Chmod(0640), llb.Chown(1000, 0),
			llb.AuthHeaderSecret("h"), llb.Header(llb.HTTPHeader{Accept: "text/plain"}),
			llb.VerifyPGPSignature(llb.HTTPSignatureInfo{PubKey: []byte("key"), Signature: []byte("sig")}))},
		{name: "oci_layout", state: llb.OCILayout("example.com/a@"+string(sha), llb.OCIStore("s1", "store"), limit(2))},
		{name: "image_blob", state: llb.ImageBlob("alpine@"+string(sha), llb.Filename("f"), llb.Chmod(0600), llb.Chown(1, 2))},
		{name: "oci_layout_blob", state: llb.OCILayoutBlob("example.com/a@"+string(sha), llb.ImageBlobOCIStore("s1", "store"))},
		{name: "raw_with_empty_values", state: llb.NewState(llb.NewSource("local://x", map[string]string{"": "a", "b": "", "local.session": ""}, llb.Constraints{}).Output())},
		{name: "raw_local", state: llb.NewState(llb.NewSource("local://x", map[string]string{"a": "b"}, llb.Constraints{}).Output())},
	}
}

func execs() []graph {
	everything := run(alpine, llb.AddEnv("A", "1"), llb.AddEnv("B", "x=y"), llb.Dir("/src"), llb.User("app:app"),
		llb.WithProxy(llb.ProxyEnv{HTTPProxy: "h", HTTPSProxy: "s", FTPProxy: "f", NoProxy: "n", AllProxy: "a"}),
		llb.AddExtraHost("db", net.ParseIP("10.0.0.1")), llb.AddExtraHost("six", net.ParseIP("2001:db8::1")),
		llb.AddExtraHost("mapped", net.ParseIP("::ffff:10.0.0.2")),
		llb.AddUlimit(llb.UlimitNofile, 10, -1), llb.WithCgroupParent("/parent"), llb.ValidExitCodes(0, 3, 300),
		llb.With(llb.Hostname("builder"), llb.Network(llb.NetModeHost), llb.Security(llb.SecurityModeInsecure)),
		llb.AddCDIDevice(llb.CDIDeviceName("vendor.example/gpu=0")), llb.AddCDIDevice(llb.CDIDeviceName("b"), llb.CDIDeviceOptional),
	)
	mounts := run(alpine,
		llb.AddMount("/z", busybox), llb.AddMount("/a", alpine, llb.Readonly, llb.SourcePath("/etc")),
		llb.AddMount("!before", busybox, llb.ForceNoOutput), llb.AddMount("/m", llb.Scratch()),
		llb.AddMount("/content", busybox, llb.Readonly, llb.ContentCache(llb.MountContentCacheOn)),
		llb.AddMount("/definition", busybox, llb.Readonly, llb.ContentCache(llb.MountContentCacheOff)))
	sorted := run(llb.Scratch(), llb.AddMount("!x", alpine), llb.AddMount("/x", busybox))
	cache := func(id string, sharing llb.CacheMountSharingMode) llb.MountOption {
		return llb.AsPersistentCacheDir(id, sharing)
	}
	return []graph{
		{name: "exec", state: run(alpine).Root()},
		{name: "exec_everything", state: everything.Root()},
		{name: "exec_for_arm", state: run(alpine, armv7).Root()},
		{name: "exec_on_scratch", state: run(llb.Scratch()).Root()},
		{name: "exec_readonly_root", state: run(alpine, llb.ReadonlyRootFS(), llb.AddMount("/out", llb.Scratch())).GetMount("/out")},
		{name: "exec_mounts", state: mounts.Root()},
		{name: "exec_mounts_z", state: mounts.GetMount("/z")},
		{name: "exec_mounts_m", state: mounts.GetMount("/m")},
		{name: "exec_mount_before_root", state: sorted.GetMount("!x")},
		{name: "exec_root_after_mount", state: sorted.Root()},
		{name: "exec_caches", state: run(alpine,
			llb.AddMount("/shared", llb.Scratch(), cache("s", llb.CacheMountShared)), llb.AddMount("/private", busybox, cache("p", llb.CacheMountPrivate), llb.SourcePath("sub")),
			llb.AddMount("/locked", llb.Scratch(), cache("l", llb.CacheMountLocked), llb.Readonly)).Root()},
		{name: "exec_tmpfs", state: run(alpine, llb.AddMount("/t", llb.Scratch(), llb.Tmpfs()), llb.AddMount("/sized", llb.Scratch(), llb.Tmpfs(llb.TmpfsSize(1<<20)))).Root()},
		{name: "exec_secrets", state: run(alpine, llb.AddSecret("/run/secrets/a", llb.SecretID("a"), llb.SecretFileOpt(1, 2, 0440)),
			llb.AddSecret("TOKEN", llb.SecretID("t"), llb.SecretAsEnv(true), llb.SecretOptional)).Root()},
		{name: "exec_ssh", state: run(alpine, llb.AddSSHSocket(), llb.AddSSHSocket(llb.SSHID("key"), llb.SSHOptional, llb.SSHSocketOpt("/agent", 1, 2, 0660))).Root()},
		{name: "exec_ssh_socket_set", state: run(alpine, llb.AddEnv("SSH_AUTH_SOCK", "/x"), llb.AddSSHSocket(llb.SSHSocketTarget("/agent"))).Root()},
		{name: "exec_no_network", state: run(alpine, llb.With(llb.Network(llb.NetModeNone))).Root()},
		{name: "exec_path_in_op", state: run(alpine, llb.AddEnv("PATHS", "x")).Root(), opts: []llb.ConstraintsOpt{llb.WithCaps(withoutDefaultPath())}},
		{name: "exec_path_set", state: run(alpine, llb.AddEnv("PATH", "/bin")).Root(), opts: []llb.ConstraintsOpt{llb.WithCaps(withoutDefaultPath())}},
		{name: "exec_limits", state: run(alpine, llb.WithLinuxResources(llb.LinuxResources{Memory: 1, MemorySwap: -1, CPUShares: 2, CPUPeriod: 3, CPUQuota: 4, CpusetCpus: "0-3", CpusetMems: "0"})).Root()},
	}
}

func files() []graph {
	copies := llb.Copy(buildContext, "a/../b", "c/.", &llb.CopyInfo{
		Mode: &llb.ChmodOpt{Mode: 04755}, FollowSymlinks: true, CopyDirContentsOnly: true, AttemptUnpack: true, CreateDestPath: true,
		AllowWildcard: true, AllowEmptyWildcard: true, IncludePatterns: []string{"*.go", ""}, ExcludePatterns: []string{"x"}, RequiredPaths: []string{"y"},
		AlwaysReplaceExistingDestPaths: true, CreatedTime: &epoch,
	}, llb.WithUser("app:1000"))
	side := llb.Mkdir("/side", 0700).Copy(buildContext, "/in", "/side/")
	return []graph{
		{name: "copy", state: alpine.File(llb.Copy(buildContext, "/", "/app/"))},
		{name: "copy_everything", state: alpine.Dir("/work/./dir/").File(copies)},
		{name: "copy_symbolic_mode", state: alpine.File(llb.Copy(buildContext, "/a", "/", &llb.CopyInfo{Mode: &llb.ChmodOpt{ModeStr: "u=rwX"}}))},
		{name: "copy_mode_zero", state: alpine.File(llb.Copy(buildContext, "", "/.", &llb.CopyInfo{Mode: &llb.ChmodOpt{}}))},
		{name: "copy_from_scratch", state: llb.Scratch().File(llb.Copy(llb.Scratch(), "/a", "b"))},
		{name: "copy_onto_itself", state: alpine.File(llb.Copy(alpine, "/a", "/b"))},
		{name: "copies_chained", state: alpine.File(llb.Copy(buildContext, "/1", "/1").Copy(busybox, "/2", "/2").Copy(buildContext, "/3", "/3"))},
		{name: "copy_prepared_on_the_side", state: alpine.File(llb.Mkdir("/x", 0755).Copy(side.WithState(busybox), "/side", "/y").Rm("/z"))},
		{name: "mkdir", state: llb.Scratch().File(llb.Mkdir("a/b", 01777, llb.WithParents(true), llb.WithUIDGID(0, 5)))},
		{name: "mkfile", state: alpine.File(llb.Mkfile("/f", 0644, []byte("<data>\x00"), llb.WithUser("root:staff"), llb.WithCreatedTime(epoch)))},
		{name: "mkfile_empty", state: alpine.File(llb.Mkfile("/f", 0, nil, llb.WithUser("app")))},
		{name: "rm", state: alpine.File(llb.Rm("/a").Rm("b/", llb.WithAllowNotFound(true), llb.WithAllowWildcard(true)))},
		{name: "symlink", state: alpine.File(llb.Symlink("../x", "y/", llb.WithUser(":0"), llb.WithCreatedTime(time.Unix(0, 0))))},
		{name: "owner_by_name_on_scratch", state: llb.Scratch().File(llb.Mkdir("/a", 0, llb.WithUser("-1:b")))},
	}
}

func graphs() []graph {
	named := func(s string) llb.ConstraintsOpt { return llb.WithCustomName(s) }
	smap := func() *llb.SourceMap {
		return llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM a\nRUN b\n"))
	}
	defmap := llb.NewSourceMap(&buildContext, "other", "", nil)
	one, two := smap(), smap()
	built := run(alpine, named("build"), one.Location(ranges(1, 2)))
	diamond := llb.Merge([]llb.State{run(built.Root(), named("left")).Root(), built.GetMount("/"), busybox})
	// the same bytes, twice: once through another state
	twins := llb.Merge([]llb.State{
		llb.Image("alpine", named("first"), llb.IgnoreCache, one.Location(ranges(1, 1)), llb.ProgressGroup("g", "group", true)),
		llb.Image("docker.io/library/alpine:latest", named("second"), llb.WithDescription(map[string]string{"k": ""}), two.Location(ranges(3, 4)), defmap.Location(nil), llb.WithExportCache()),
	})
	return []graph{
		{name: "scratch", state: llb.Scratch()},
		{name: "merge", state: llb.Merge([]llb.State{alpine, llb.Scratch(), busybox, alpine})},
		{name: "merge_of_one", state: llb.Merge([]llb.State{llb.Scratch(), alpine})},
		{name: "diff", state: llb.Diff(alpine, run(alpine).Root(), named("diff"))},
		{name: "diff_to_scratch", state: llb.Diff(alpine, llb.Scratch())},
		{name: "diff_of_scratch", state: llb.Diff(llb.Scratch(), alpine)},
		{name: "diff_of_itself", state: llb.Diff(alpine, alpine)},
		{name: "passthrough", state: alpine.Requires("wait", busybox, llb.Scratch(), buildContext)},
		{name: "passthrough_second", state: llb.NewState(llb.NewPassthroughOp("p", []llb.PassthroughInput{{State: alpine}, {State: busybox, Output: true}, {State: alpine, Output: true}}, named("p")).OutputAt(1))},
		{name: "build", state: buildContext.With(llbbuild.Build())},
		{name: "build_of_file", state: alpine.With(llbbuild.Build(llbbuild.WithFilename("graph.pb"), llbbuild.WithConstraints(named("nested"))))},
		{name: "diamond", state: diamond},
		{name: "twins", state: twins},
		{name: "not_exported", state: llb.Image("alpine", llb.WithoutExportCache(), named(""))},
		{name: "filtered", state: run(alpine, llb.Require("a", "b")).Root(), opts: []llb.ConstraintsOpt{llb.Require("base"), llb.ProgressGroup("all", "", false)}},
	}
}

func withoutDefaultPath() apicaps.CapSet {
	var caps []*apicapspb.APICap
	for _, c := range pb.Caps.All() {
		if c.ID != string(pb.CapExecMetaSetsDefaultPath) {
			caps = append(caps, c)
		}
	}
	return pb.Caps.CapSet(caps)
}

func dump(def *llb.Definition) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			panic(err)
		}
		dgst := digest.FromBytes(dt)
		line := struct {
			Op         *pb.Op
			Digest     digest.Digest
			OpMetadata *pb.OpMetadata
		}{&op, dgst, def.Metadata[dgst].ToPB()}
		if err := enc.Encode(line); err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

func main() {
	ctx := context.Background()
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	for _, family := range [][]graph{sources(), execs(), files(), graphs()} {
		for _, g := range family {
			opts := append([]llb.ConstraintsOpt{llb.LinuxAmd64, llb.LocalUniqueID("unique"), llb.WithCaps(pb.Caps.CapSet(pb.Caps.All()))}, g.opts...)
			def, err := g.state.Marshal(ctx, opts...)
			if err != nil {
				panic(g.name + ": " + err.Error())
			}
			dt, err := proto.MarshalOptions{Deterministic: true}.Marshal(def.ToPB())
			if err != nil {
				panic(g.name + ": " + err.Error())
			}
			var ops []string
			for _, op := range def.Def {
				ops = append(ops, digest.FromBytes(op).Encoded()[:12])
			}
			fmt.Fprintf(w, "%s\t%s\t%x\t%x\n", g.name, strings.Join(ops, " "), sha256.Sum256(dt), sha256.Sum256(dump(def)))
		}
	}
}
