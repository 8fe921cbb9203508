#!/usr/bin/python3
"""torch_private.py - what a step of DP-SGD costs beside a plain step in PyTorch, for a plain MLP of 962,000 weights.

    torch_private.py plain|gradients|ghost|all [THREADS [SECONDS]]

256 records of 8 draws, as the shape mlp of private.c: the draws of a record are averaged before its clip.  `gradients` makes
the gradient of each record (as Opacus does, arXiv 2109.12298), clips them and adds them up; `ghost` finds each record's norm
from products of activations and of gradients of outputs (Li et al. 2022, arXiv 2110.05679) and weighs these for the sum, without a
second pass (Bu et al. 2022, arXiv 2210.00038).  Both add Gaussian noise of torch's own generator, and update by AdamW.  "all" takes
steps of each in turn and prints the ratio of their medians; one alone is for the greatest memory of a process.
"""
import resource
import sys
import time

import torch

RECORDS, DRAWS, SIZES = 256, 8, (256, 512, 512, 512, 600)
CLIP, NOISE = 1.0, 1.0

what = sys.argv[1] if len(sys.argv) > 1 else "all"
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 8
torch.manual_seed(1)

layers = [torch.nn.Linear(a, b) for a, b in zip(SIZES, SIZES[1:])]
weights = [p for layer in layers for p in layer.parameters()]
optimiser = torch.optim.AdamW(weights, lr=1e-4)
x = torch.randn(RECORDS * DRAWS, SIZES[0])
y = torch.randn(RECORDS * DRAWS, SIZES[-1])


def forward():
    """The loss, summed over records, each the mean of its draws; inputs and outputs of all layers."""
    inputs, outputs, h = [], [], x
    for i, layer in enumerate(layers):
        inputs.append(h)
        h = layer(h)
        outputs.append(h)
        if i + 1 < len(layers):
            h = torch.nn.functional.silu(h)
    return ((h - y) ** 2).mean(1).sum() / DRAWS, inputs, outputs


def plain():
    optimiser.zero_grad()
    loss, _, _ = forward()
    (loss / RECORDS).backward()
    optimiser.step()


def backward():
    """Of each layer, inputs and gradients of outputs, by record and draw."""
    loss, inputs, outputs = forward()
    slopes = torch.autograd.grad(loss, outputs)
    return [(a.detach().view(RECORDS, DRAWS, -1), g.view(RECORDS, DRAWS, -1)) for a, g in zip(inputs, slopes)]


def update(sums):
    for p, s in zip(weights, sums):
        p.grad = (s + NOISE * CLIP * torch.randn_like(s)) / RECORDS
    optimiser.step()


@torch.no_grad()
def factors(squares):
    return torch.clamp(CLIP / squares.sqrt(), max=1)


def gradients():
    each = []
    for a, g in backward():
        each += [torch.bmm(g.transpose(1, 2), a), g.sum(1)]
    scale = factors(sum(e.flatten(1).pow(2).sum(1) for e in each))
    update([torch.tensordot(scale, e, 1) for e in each])


def norms(parts):
    """Of the gradient of a weight matrix: sum over pairs of draws of (inputs' product) times (slopes' product)."""
    return sum((torch.bmm(a, a.transpose(1, 2)) * torch.bmm(g, g.transpose(1, 2))).sum((1, 2)) + g.sum(1).pow(2).sum(1)
               for a, g in parts)


def ghost():
    parts, sums = backward(), []
    scale = factors(norms(parts))
    for a, g in parts:
        scaled = (g * scale[:, None, None]).flatten(0, 1)
        sums += [scaled.t() @ a.flatten(0, 1), scaled.sum(0)]
    update(sums)


def main():
    steps = {"plain": plain, "gradients": gradients, "ghost": ghost}
    kinds = list(steps) if what == "all" else [what]
    # Both ways find the same norms.
    parts = backward()
    exact = sum(torch.bmm(g.transpose(1, 2), a).flatten(1).pow(2).sum(1) + g.sum(1).pow(2).sum(1) for a, g in parts) \
        if what == "all" else norms(parts)
    assert torch.allclose(exact, norms(parts), rtol=1e-3)
    del parts, exact
    for kind in kinds:
        steps[kind]()
    took = {kind: [] for kind in kinds}
    end = time.monotonic() + seconds * len(kinds)
    while time.monotonic() < end:
        for kind in kinds:
            began = time.process_time()
            steps[kind]()
            took[kind].append(time.process_time() - began)
    median = {kind: sorted(t)[len(t) // 2] for kind, t in took.items()}
    for kind in kinds:
        ratio = f", {median[kind] / median['plain']:.2f} times a plain step" if "plain" in median and kind != "plain" else ""
        print(f"PyTorch mlp {kind}: {1e3 * median[kind]:.1f} ms of processor time a step (median of {len(took[kind])}){ratio}")
    if what != "all":
        print(f"PyTorch mlp {what}: greatest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


main()
