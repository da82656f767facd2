from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from nn_helpers import CHANNELS, Tracks, grads, make_tracks, model_oracle, randomize, stock_twin
from torch import Tensor, nn
from torch_geometric import EdgeIndex
from torch_geometric.data import Data
from torch_geometric.nn import GINConv

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn import (
    SkeletonGATConv,
    SkeletonGCNConv,
    SkeletonGINConv,
    sce_loss,
)
from pyg_skeletonmae.transforms import ToFrameGraphs

OUT = 8


def mlp(norm: bool = True) -> nn.Sequential:
    inner = nn.BatchNorm1d(5) if norm else nn.Identity()
    return nn.Sequential(nn.Linear(CHANNELS, 5), inner, nn.PReLU(), nn.Linear(5, OUT))


CONVS = {
    "gin": (lambda **kw: SkeletonGINConv(mlp(), **kw), {}),
    "gin-no-norm": (lambda **kw: SkeletonGINConv(mlp(norm=False), **kw), {}),
    "gin-eps": (lambda **kw: SkeletonGINConv(mlp(), **kw), {"eps": 0.3, "train_eps": True}),
    "gcn": (lambda **kw: SkeletonGCNConv(CHANNELS, OUT, **kw), {}),
    "gcn-improved": (lambda **kw: SkeletonGCNConv(CHANNELS, OUT, **kw), {"improved": True}),
    "gcn-no-loops": (lambda **kw: SkeletonGCNConv(CHANNELS, OUT, **kw), {"add_self_loops": False}),
    "gcn-plain": (lambda **kw: SkeletonGCNConv(CHANNELS, OUT, **kw), {"normalize": False}),
    "gcn-no-bias": (lambda **kw: SkeletonGCNConv(CHANNELS, OUT, **kw), {"bias": False}),
    "gat": (lambda **kw: SkeletonGATConv(CHANNELS, OUT, **kw), {}),
    "gat-heads": (lambda **kw: SkeletonGATConv(CHANNELS, OUT, **kw), {"heads": 3}),
    "gat-mean": (lambda **kw: SkeletonGATConv(CHANNELS, OUT, **kw), {"heads": 2, "concat": False}),
    "gat-options": (
        lambda **kw: SkeletonGATConv(CHANNELS, OUT, **kw),
        {"heads": 2, "add_self_loops": False, "residual": True, "negative_slope": 0.5},
    ),
}


def build(name: str) -> tuple[nn.Module, dict[str, object]]:
    torch.manual_seed(0)
    make, arguments = CONVS[name]
    return randomize(make(**arguments)), arguments


def three_ways(conv: nn.Module, twin: nn.Module, tracks: Tracks) -> dict[str, tuple[Tensor, list]]:
    """Output and gradients of the dense path, the sparse path, and PyG on one graph per frame."""
    persons, joints, frames, _ = tracks.x.shape

    def run(module: nn.Module, forward) -> tuple[Tensor, list[Tensor]]:
        x = tracks.x.clone().requires_grad_()
        out = forward(module, x)
        return out.detach(), grads(out, x, module)

    def dense(module: nn.Module, x: Tensor) -> Tensor:
        return module(x, tracks.adjacency)

    def sparse(module: nn.Module, x: Tensor) -> Tensor:
        return module(x.flatten(0, 1), tracks.edge_index).view(persons, joints, frames, -1)

    def per_frame(module: nn.Module, x: Tensor) -> Tensor:
        graphs = Tracks(x, tracks.edges).frame_graphs()
        # PyG heeds `improved` only where there are weights.
        weight = [torch.ones_like(graphs.edge_index[0], dtype=x.dtype)] * hasattr(
            module, "improved"
        )
        out = module(graphs.x, graphs.edge_index, *weight)
        return out.view(persons, frames, joints, -1).transpose(1, 2)

    return {
        "dense": run(conv, dense),
        "sparse": run(conv, sparse),
        "per frame": run(twin, per_frame),
    }


def assert_all_equal(results: dict[str, tuple[Tensor, list]], forward: float, grad: float) -> None:
    expected, expected_grads = results["per frame"]
    for form in ("dense", "sparse"):
        out, found = results[form]
        torch.testing.assert_close(out, expected, rtol=forward, atol=forward)
        for a, b in zip(found, expected_grads, strict=True):
            torch.testing.assert_close(a, b, rtol=grad, atol=grad)


# Dense = sparse = per-frame PyG -------------------------------------------------------------------


@pytest.mark.parametrize("drop", [0.0, 0.4], ids=["all-bones", "masked-bones"])
@pytest.mark.parametrize("persons", [1, 2, 5])
@pytest.mark.parametrize("frames", ["T=C", "T=E", "other"])
@pytest.mark.parametrize("name", CONVS)
def test_dense_sparse_and_per_frame_agree(
    name: str, frames: str, persons: int, drop: float
) -> None:
    num_edges = make_tracks(persons, 1, drop).edge_index.size(1)
    length = {"T=C": CHANNELS, "T=E": num_edges, "other": 3}[frames]
    tracks = make_tracks(persons, length, drop)
    if frames == "T=E":  # the seed depends on T, so that the hidden bones are drawn again
        tracks.edges = make_tracks(persons, 1, drop).edges
        assert tracks.edge_index.size(1) == length
    conv, arguments = build(name)
    results = three_ways(conv, stock_twin(conv, **arguments), tracks)
    assert_all_equal(results, forward=1e-5, grad=1e-4)


@pytest.mark.parametrize("name", CONVS)
def test_float64_agrees_to_rounding(name: str) -> None:
    conv, arguments = build(name)
    conv = conv.double()
    tracks = make_tracks(3, 5, drop=0.3, dtype=torch.float64)
    results = three_ways(conv, stock_twin(conv, **arguments), tracks)
    assert_all_equal(results, forward=1e-12, grad=1e-11)


@pytest.mark.parametrize("name", CONVS)
def test_an_edge_index_of_pyg_is_one(name: str) -> None:
    """``EdgeIndex``, with what it knows and caches, gives what the plain tensor gives."""
    conv, _ = build(name)
    conv.eval()
    tracks = make_tracks(3, 5)
    x = tracks.x.flatten(0, 1)
    plain = tracks.edge_index
    edges = EdgeIndex(plain, sparse_size=(len(x), len(x)), is_undirected=True)
    for given in (edges, edges.sort_by("col").values, edges.sort_by("row").values.fill_cache_()):
        assert isinstance(given, EdgeIndex)
        torch.testing.assert_close(conv(x, given), conv(x, plain), rtol=1e-5, atol=1e-6)
    clips = Data(pos=x, edge_index=edges, num_tracks=torch.tensor([3]))
    graphs = ToFrameGraphs()(clips)
    assert graphs.edge_index.equal(ToFrameGraphs()(clips.update({"edge_index": plain})).edge_index)


@pytest.mark.parametrize("name", CONVS)
def test_one_adjacency_serves_all_tracks(name: str) -> None:
    conv, _ = build(name)
    tracks = make_tracks(3, 5)
    shared, own = conv(tracks.x, tracks.adjacency[0]), conv(tracks.x, tracks.adjacency)
    torch.testing.assert_close(shared, own, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CONVS)
def test_frames_do_not_see_each_other(name: str) -> None:
    conv, _ = build(name)
    conv.eval()
    tracks = make_tracks(2, 5)
    changed = tracks.x.clone()
    changed[:, :, 2] += 1.0
    difference = conv(changed, tracks.adjacency) - conv(tracks.x, tracks.adjacency)
    moved = difference.abs().amax((0, 1, 3))
    assert moved[2] > 1e-3
    assert moved[[0, 1, 3, 4]].max() == 0


@pytest.mark.parametrize("name", CONVS)
def test_permutation_equivariance(name: str) -> None:
    conv, _ = build(name)
    tracks = make_tracks(2, 5, drop=0.2)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    adjacency = tracks.adjacency
    out = conv(tracks.x, adjacency)[:, order]
    permuted = conv(tracks.x[:, order], adjacency[:, order][:, :, order])
    torch.testing.assert_close(permuted, out, rtol=1e-5, atol=1e-5)


# PyG's own behaviour stays ------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONVS)
def test_plain_nodes_are_pyg_bit_for_bit(name: str) -> None:
    conv, arguments = build(name)
    graphs = make_tracks(2, 3).frame_graphs()
    expected = stock_twin(conv, **arguments)(graphs.x, graphs.edge_index)
    assert torch.equal(conv(graphs.x, graphs.edge_index), expected)


@pytest.mark.parametrize("name", CONVS)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_plain_nodes_take_pygs_sparse_tensors(name: str) -> None:
    conv, arguments = build(name)
    graphs = make_tracks(2, 3).frame_graphs()
    size = (graphs.num_nodes, graphs.num_nodes)
    ones = torch.ones(graphs.edge_index.size(1))
    adj_t = torch.sparse_coo_tensor(graphs.edge_index.flip(0), ones, size).to_sparse_csr()
    out = conv(graphs.x, adj_t)
    assert torch.equal(out, stock_twin(conv, **arguments)(graphs.x, adj_t))
    assert out.shape == conv(graphs.x, graphs.edge_index).shape


def test_bipartite_pairs_are_left_to_pyg() -> None:
    conv, _ = build("gin")
    pair = (torch.randn(4, CHANNELS), torch.randn(3, CHANNELS))
    edges = torch.tensor([[0, 1, 2, 3], [0, 0, 1, 2]])
    assert torch.equal(conv(pair, edges), stock_twin(conv)(pair, edges))
    assert conv((pair[0], None), edges, size=(4, 3)).shape == (3, OUT)


def test_gcn_edge_weights_broadcast_over_time() -> None:
    conv, _ = build("gcn")
    tracks = make_tracks(2, 20)
    weight = torch.rand(tracks.edge_index.size(1)) + 0.5
    assert len(weight) == tracks.x.size(2)  # where PyG's own broadcasting goes wrong silently
    out = conv(tracks.x.flatten(0, 1), tracks.edge_index, weight)
    twin = stock_twin(conv)
    for t in range(tracks.x.size(2)):
        expected = twin(tracks.x[:, :, t].flatten(0, 1), tracks.edge_index, weight)
        torch.testing.assert_close(out[:, t], expected, rtol=1e-5, atol=1e-5)
    dense = torch.zeros(12, 12).index_put((tracks.edge_index[1], tracks.edge_index[0]), weight)
    blocks = torch.stack([dense[:6, :6], dense[6:, 6:]])
    torch.testing.assert_close(conv(tracks.x, blocks).flatten(0, 1), out, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("improved", [False, True])
def test_gcn_keeps_self_loops_that_are_there(improved: bool) -> None:
    torch.manual_seed(0)
    conv = SkeletonGCNConv(CHANNELS, OUT, improved=improved)
    adjacency = make_tracks(1, 1).adjacency[0] + torch.diag(torch.tensor([0.5, 0, 0, 2.0, 0, 0]))
    target, source = adjacency.nonzero().t()
    x = torch.randn(1, 6, 5, CHANNELS)
    sparse = conv(x[0], torch.stack([source, target]), adjacency[target, source])
    torch.testing.assert_close(conv(x, adjacency)[0], sparse, rtol=1e-5, atol=1e-5)


def test_gcn_cache_belongs_to_edges() -> None:
    conv = SkeletonGCNConv(CHANNELS, OUT, cached=True)
    tracks = make_tracks(2, 5)
    first = conv(tracks.x.flatten(0, 1), tracks.edge_index)
    again = conv(tracks.x.flatten(0, 1), tracks.edge_index[:, :2])
    assert torch.equal(first, again)
    assert not torch.equal(conv(tracks.x, 0 * tracks.adjacency).flatten(0, 1), first)


def test_gcn_isolated_joint_has_finite_gradients() -> None:
    conv = SkeletonGCNConv(CHANNELS, OUT, add_self_loops=False)
    adjacency = torch.zeros(6, 6, requires_grad=True)
    conv(torch.randn(1, 6, 2, CHANNELS), adjacency).sum().backward()
    assert adjacency.grad is not None and adjacency.grad.isfinite().all()


def test_directed_edges_point_from_source_to_target() -> None:
    conv = SkeletonGINConv(nn.Identity())
    x = torch.arange(3.0).view(1, 3, 1, 1)
    edges = torch.tensor([[2], [0]])  # joint 0 receives joint 2
    adjacency = torch.zeros(3, 3)
    adjacency[0, 2] = 1.0
    assert conv(x, adjacency).flatten().tolist() == [2.0, 1.0, 2.0]
    assert conv(x[0], edges).flatten().tolist() == [2.0, 1.0, 2.0]


def test_other_aggregations_work_on_edges_only() -> None:
    conv = SkeletonGINConv(nn.Identity(), aggr="max")
    tracks = make_tracks(2, 5)
    graphs = tracks.frame_graphs()
    expected = GINConv(nn.Identity(), aggr="max")(graphs.x, graphs.edge_index)
    out = conv(tracks.x.flatten(0, 1), tracks.edge_index).view(2, 6, 5, -1).transpose(1, 2)
    torch.testing.assert_close(out.flatten(0, 2), expected)
    with pytest.raises(ConfigError, match="aggr"):
        conv(tracks.x, tracks.adjacency)


@pytest.mark.parametrize("layer", [SkeletonGCNConv, SkeletonGATConv])
def test_lazy_channels(layer: type[nn.Module]) -> None:
    conv = layer(-1, OUT)
    assert conv(torch.randn(2, 6, 3, 7), torch.eye(6)).shape == (2, 6, 3, OUT)
    assert conv.lin.weight.shape == (OUT, 7)


# State, text, precision ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONVS)
def test_state_dict_is_pygs(name: str) -> None:
    conv, arguments = build(name)
    twin = stock_twin(conv, **arguments)  # loads ours into PyG's, strictly
    assert list(twin.state_dict()) == list(conv.state_dict())
    fresh = CONVS[name][0](**arguments)
    fresh.load_state_dict(twin.state_dict())
    for key, value in conv.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value)


def test_repr() -> None:
    assert repr(SkeletonGINConv(nn.Identity())) == "SkeletonGINConv(nn=Identity())"
    assert repr(SkeletonGCNConv(4, 8)) == "SkeletonGCNConv(4, 8)"
    assert repr(SkeletonGATConv(4, 8, heads=2)) == "SkeletonGATConv(4, 8, heads=2)"


@pytest.mark.parametrize("name", CONVS)
def test_bfloat16_autocast_is_loosely_equal(name: str) -> None:
    conv, _ = build(name)
    tracks = make_tracks(2, 7)
    expected = conv(tracks.x, tracks.adjacency)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dense = conv(tracks.x, tracks.adjacency)
        sparse = conv(tracks.x.flatten(0, 1), tracks.edge_index).view(dense.shape)
    torch.testing.assert_close(dense.float(), expected, rtol=0.1, atol=0.1)
    torch.testing.assert_close(sparse.float(), expected, rtol=0.1, atol=0.1)
    dense.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in conv.parameters())


def test_fresh_interpreter_imports_the_layers() -> None:
    code = (
        "import torch; from pyg_skeletonmae.nn import *; "
        "SkeletonGATConv(2, 2)(torch.ones(3, 4, 2), torch.tensor([[0, 1], [1, 2]])); "
        "SkeletonGCNConv(2, 2)(torch.ones(3, 4, 2), torch.tensor([[0, 1], [1, 2]])); print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.slow
def test_compiled_gin_equals_eager() -> None:
    conv, _ = build("gin")
    tracks = make_tracks(2, 7)
    x = tracks.x.clone().requires_grad_()
    expected = conv(x, tracks.adjacency)
    expected_grads = grads(expected, x, conv)
    compiled = torch.compile(conv)(x, tracks.adjacency)
    torch.testing.assert_close(compiled, expected, rtol=1e-5, atol=1e-5)
    for a, b in zip(grads(compiled, x, conv), expected_grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


# Bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["gin", "gcn", "gat"])
@pytest.mark.parametrize(
    ("shape", "edges", "message"),
    [
        ((6,), torch.eye(6), "node features are"),
        ((1, 2, 6, 3, CHANNELS), torch.eye(6), "node features are"),
        ((6, 3, CHANNELS), torch.eye(6), r"edge_index \[2, E\], long"),
        ((6, 3, CHANNELS), torch.zeros(2, 3), r"edge_index \[2, E\], long"),
        ((6, 3, CHANNELS), torch.zeros(3, 2, dtype=torch.long), r"edge_index \[2, E\], long"),
        ((2, 6, 3, CHANNELS), torch.zeros(2, 5, dtype=torch.long), "float adjacency"),
        ((2, 6, 3, CHANNELS), torch.eye(6, dtype=torch.bool), "float adjacency"),
        ((2, 6, 3, CHANNELS), torch.eye(5), "float adjacency"),
        ((2, 6, 3, CHANNELS), torch.zeros(3, 6, 6), "float adjacency"),
        ((2, 6, 3, CHANNELS), torch.eye(6).to_sparse(), "dense tensor"),
        ((2, 6, 3, CHANNELS), [[0, 1], [1, 0]], "dense tensor"),
    ],
)
def test_wrong_edges_are_refused(layer: str, shape: tuple, edges: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build(layer)[0](torch.randn(shape), edges)


def test_arguments_without_meaning_on_clips_are_refused() -> None:
    x, adjacency = torch.randn(2, 6, 3, CHANNELS), torch.eye(6)
    with pytest.raises(ConfigError, match="SkeletonGINConv takes no size"):
        build("gin")[0](x, adjacency, size=(6, 6))
    with pytest.raises(ConfigError, match="weights into the dense adjacency"):
        build("gcn")[0](x, adjacency, torch.ones(3))
    for name, value in {"edge_attr": torch.ones(3, 2), "return_attention_weights": True}.items():
        with pytest.raises(ConfigError, match=f"SkeletonGATConv takes no {name}"):
            build("gat")[0](x, adjacency, **{name: value})


def test_stock_gin_is_silently_wrong_on_time() -> None:
    """The reason for these classes; should PyG change, this test says so."""
    tracks = make_tracks(2, CHANNELS)
    nodes, edges = tracks.x.flatten(0, 1), tracks.edge_index
    ours = SkeletonGINConv(nn.BatchNorm1d(CHANNELS))(nodes, edges)
    stock = GINConv(nn.BatchNorm1d(CHANNELS), node_dim=0)(nodes, edges)
    assert stock.shape == ours.shape
    assert not torch.allclose(stock, ours, atol=0.1)


# The public GraphMAE code -------------------------------------------------------------------------


class OracleGIN(nn.Module):
    """GraphMAE's auto-encoder from our layers."""

    def __init__(self, residual: bool) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(SkeletonGINConv(self.mlp(c, 16)) for c in (6, 16, 16))
        self.norms = nn.ModuleList(nn.BatchNorm1d(16) for _ in range(3))
        self.acts = nn.ModuleList(nn.PReLU() for _ in range(3))
        self.skips = nn.ModuleList(
            [nn.Linear(6, 16, bias=False), nn.Identity(), nn.Identity()] if residual else []
        )
        self.to_decoder = nn.Linear(16, 16, bias=False)
        self.decoder = SkeletonGINConv(self.mlp(16, 6))
        self.token = nn.Parameter(torch.zeros(1, 6))

    @staticmethod
    def mlp(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(inputs, 16), nn.BatchNorm1d(16), nn.PReLU(), nn.Linear(16, outputs)
        )

    def encode(self, x: Tensor, adjacency: Tensor) -> list[Tensor]:
        """``x [P, V, 1, C]``: the oracle's graphs are single frames."""
        hidden = []
        for i, conv in enumerate(self.encoder):
            h = conv(x, adjacency)
            h = self.acts[i](self.norms[i](h.flatten(0, 2))).view(h.shape)
            x = h + self.skips[i](x) if len(self.skips) else h
            hidden.append(x)
        return hidden

    @staticmethod
    def key(name: str) -> str:
        """Our name of one of GraphMAE's weights."""
        if name == "enc_mask_token":
            return "token"
        if name == "encoder_to_decoder.weight":
            return "to_decoder.weight"
        where, _, number, rest = name.split(".", 3)
        layer = f"encoder.{number}" if where == "encoder" else "decoder"
        if rest == "eps":
            return f"{layer}.eps"
        if rest == "res_fc.weight":
            return f"skips.{number}.weight"
        if rest.startswith(("apply_func.norm.", "apply_func.act.")):
            kind, leaf = rest.split(".")[1:]
            return f"{kind}s.{number}.{leaf}"
        kind, index, leaf = rest.removeprefix("apply_func.").removeprefix("mlp.").split(".")
        position = {"linears0": 0, "norms0": 1, "activations0": 2, "linears1": 3}[kind + index]
        return f"{layer}.nn.{position}.{leaf}"


def load_oracle_gin(oracle: dict[str, Tensor], variant: str) -> OracleGIN:
    model = OracleGIN(residual=variant == "residual")
    prefix = f"{variant}/sd/"
    names = [name for name in oracle if name.startswith(prefix)]
    model.load_state_dict({OracleGIN.key(name[len(prefix) :]): oracle[name] for name in names})
    return model


@pytest.mark.oracle
@pytest.mark.parametrize("variant", ["base", "residual", "replace"])
def test_graphmae_oracle(variant: str) -> None:
    oracle = model_oracle("gin_tiny.npz")
    recorded = {k[len(variant) + 1 :]: v for k, v in oracle.items() if k.startswith(variant)}
    model = load_oracle_gin(oracle, variant)
    source, target = oracle["in/edges_src_dst"]
    blocks = torch.zeros(51, 51)
    blocks[target, source] = 1.0
    adjacency = torch.stack([blocks[i : i + 17, i : i + 17] for i in (0, 17, 34)])
    x = oracle["in/x"].view(3, 17, 1, 6)

    model.eval()
    hidden = model.encode(x, adjacency)
    close = {"rtol": 1e-5, "atol": 1e-5}
    for i, h in enumerate(hidden):
        torch.testing.assert_close(h.flatten(0, 2), recorded[f"eval/encoder_layer{i}"], **close)
    decoded = model.decoder(model.to_decoder(hidden[-1]), adjacency).flatten(0, 2)
    torch.testing.assert_close(decoded, recorded["eval/decoder_on_embedding"], **close)

    model.train()
    mask = torch.zeros(51, dtype=torch.bool)
    mask[recorded["train/mask_nodes"]] = True
    if variant == "replace":  # noise nodes are a matter of masking, not of the layers
        noised, token = recorded["train/masked_input"], recorded["sd/enc_mask_token"]
        is_token = (noised == token).all(-1)
        masked = torch.where(is_token[:, None], model.token, noised)
    else:
        masked = torch.where(mask[:, None], model.token, oracle["in/x"])
    encoded = model.encode(masked.view(x.shape), adjacency)[-1]
    torch.testing.assert_close(encoded.flatten(0, 2), recorded["train/encoder_out"], **close)
    remasked = model.to_decoder(encoded).masked_fill(mask.view(3, 17, 1, 1), 0.0)
    out = model.decoder(remasked, adjacency).flatten(0, 2)
    torch.testing.assert_close(out, recorded["train/reconstruction"], **close)
    loss = sce_loss(out[mask], oracle["in/x"][mask], alpha=2.0, eps=1e-12)
    torch.testing.assert_close(loss, recorded["train/loss"], **close)
    loss.backward()
    named = dict(model.named_parameters())
    for name in [name for name in recorded if name.startswith("train/grad/")]:
        grad = named[OracleGIN.key(name.removeprefix("train/grad/"))].grad
        torch.testing.assert_close(grad, recorded[name], rtol=1e-4, atol=1e-5)
    for name in [name for name in recorded if name.startswith("train/after/")]:
        after = model.state_dict()[OracleGIN.key(name.removeprefix("train/after/"))]
        torch.testing.assert_close(after, recorded[name], **close)
