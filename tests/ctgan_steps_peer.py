#!/usr/bin/env python3
"""ctgan_steps_peer.py - the first steps of CTGAN's training by the original (ctgan of PyPI) beside those of
make_ctgan_steps, from the same first weights and with the same random numbers.

    ctgan_steps_peer.py DIR        what make_ctgan_steps wrote

The original's own fit() runs; what is random in it (noise, Gumbel noise, masks, shares, conditions, rows) is what the file
says, in the order in which fit() asks for it. Says how far losses and weights are apart, and fails when that is more than
rounding comes to.
"""
import json
import sys
from types import SimpleNamespace

import numpy as np
import torch
from ctgan.synthesizers import ctgan as original

folder = sys.argv[1]
shape = json.load(open(f"{folder}/shape.json"))
numbers = np.fromfile(f"{folder}/steps.bin", dtype="float32")
ROW, COND, NOISE, HIDDEN, BATCH = (shape[k] for k in ["row", "cond", "noise", "hidden", "batch"])
PACKS = BATCH // 10
at = 0


def take(*size):
    global at
    n = int(np.prod(size))
    at += n
    return numbers[at - n : at].reshape(size)


def masks():
    m = take(2, PACKS, HIDDEN)
    return [torch.from_numpy(m[0]), torch.from_numpy(m[1])]


first = take(shape["generator"] + shape["critic"])
steps = []
while at < len(numbers):
    s = SimpleNamespace()
    s.z, s.gumbel, s.cond = take(BATCH, NOISE), take(BATCH, ROW), take(BATCH, COND)
    s.real, s.cond_real, s.masks = take(BATCH, ROW), take(BATCH, COND), [masks(), masks(), masks()]
    s.shares, s.critic = take(PACKS), take(shape["critic"])
    s.critic_loss, s.penalty = take(2)
    s.z2, s.gumbel2, s.cond2, s.masks2 = take(BATCH, NOISE), take(BATCH, ROW), take(BATCH, COND), masks()
    s.generator, s.generator_loss = take(shape["generator"]), take(1)[0]
    steps.append(s)

# ---- what fit() asks for, in its order

noise, gumbel, conditions, dropped, reals = [], [], [], [], []
columns = []  # of a row: (where, how many, is a category)
where = 0
for cond, n in shape["columns"]:
    columns.append((where, n, cond >= 0, cond))
    where += n if cond >= 0 else n + 1
assert where == ROW


def order_of(s):
    """For each real row the made row whose condition it has: c2 = c1[perm]."""
    left = {}
    for i, k in enumerate(s.cond.argmax(1)):
        left.setdefault(k, []).append(i)
    return np.array([left[k].pop() for k in s.cond_real.argmax(1)])


def mask_of(cond):
    m = np.zeros((len(cond), sum(c[2] for c in columns)), dtype="float32")
    for j, (_, n, _, k) in enumerate([c for c in columns if c[2]]):
        m[:, j] = cond[:, k : k + n].sum(1)
    return m


permutations = []
for s in steps:
    noise += [s.z, s.z2]
    for g in (s.gumbel, s.gumbel2):
        gumbel += [g[:, p : p + n] if c else g[:, p + 1 : p + 1 + n] for p, n, c, _ in columns]
    conditions += [s.cond, s.cond2]
    dropped += s.masks[0] + s.masks[1] + s.masks[2] + s.masks2
    reals.append(s.real)
    permutations.append(order_of(s))
permutations = iter(permutations)
shares = iter([s.shares for s in steps])
noise, gumbel, conditions, dropped, reals = map(iter, (noise, gumbel, conditions, dropped, reals))
normal, rand, shuffle = torch.normal, torch.rand, np.random.shuffle
torch.normal = lambda mean, std: torch.from_numpy(next(noise))
torch.rand = lambda *size, device=None: torch.from_numpy(next(shares)).view(size)
original.np.random.shuffle = lambda perm: np.copyto(perm, next(permutations))
original.functional.gumbel_softmax = lambda logits, tau, hard, eps, dim: torch.softmax(
    (logits + torch.from_numpy(np.ascontiguousarray(next(gumbel)))) / tau, dim
)


class Masked(torch.nn.Module):
    def forward(self, x):
        return x * next(dropped)


class Sampler:
    def __init__(self, *_):
        pass

    def dim_cond_vec(self):
        return COND

    def sample_condvec(self, batch):
        cond = next(conditions)
        return cond, mask_of(cond), np.zeros(batch, int), np.zeros(batch, int)

    def sample_data(self, *_):
        return next(reals)


class Transformer:
    def __init__(self):
        def span(n, f):
            return SimpleNamespace(dim=n, activation_fn=f)

        self.output_info_list = [
            [span(n, "softmax")] if c else [span(1, "tanh"), span(n, "softmax")] for _, n, c, _ in columns
        ]
        self.output_dimensions = ROW

    def fit(self, *_):
        pass

    def transform(self, data):
        return data


original.DataTransformer, original.DataSampler = Transformer, Sampler
# Of a pack the critic reads the rows and then their conditions; the original a row and its condition, and so on.
PACK = np.concatenate(
    [np.concatenate([r * ROW + np.arange(ROW), 10 * ROW + r * COND + np.arange(COND)]) for r in range(10)]
)


def tensor(flat, name):
    p, rows, cols = shape["tensors"][name]
    return flat[p : p + rows * cols].reshape(rows, cols)


def generator_tensors(flat):
    t = {}
    for l in range(3):
        name = f"seq.{l}.fc" if l < 2 else "seq.2"
        t[f"{name}.weight"], t[f"{name}.bias"] = tensor(flat, f"generator.{l}.w").T, tensor(flat, f"generator.{l}.b")[0]
        if l < 2:
            t[f"seq.{l}.bn.weight"] = 1 + tensor(flat, f"generator.{l}.scale")[0]
            t[f"seq.{l}.bn.bias"] = tensor(flat, f"generator.{l}.shift")[0]
    return t


def critic_tensors(flat):
    t = {}
    for l in range(3):
        w = tensor(flat, f"critic.{l}.w")
        t[f"seq.{3 * l}.weight"] = (w[PACK] if l == 0 else w).T
        t[f"seq.{3 * l}.bias"] = tensor(flat, f"critic.{l}.b")[0]
    return t


def load(net, tensors):
    own = dict(net.named_parameters())
    assert set(own) == set(tensors), (sorted(own), sorted(tensors))
    for k, v in tensors.items():
        own[k].data.copy_(torch.from_numpy(np.ascontiguousarray(v)))


nets = {}


make_generator, make_critic = original.Generator.__init__, original.Discriminator.__init__
penalty_of = original.Discriminator.calc_gradient_penalty
penalties = []


def generator(self, *a):
    make_generator(self, *a)
    load(self, generator_tensors(first[: shape["generator"]]))
    nets["generator"] = self


def critic(self, *a, **k):
    make_critic(self, *a, **k)
    for i, m in enumerate(self.seq):
        if isinstance(m, torch.nn.Dropout):
            self.seq[i] = Masked()
    load(self, critic_tensors(first[shape["generator"] :]))
    nets["critic"] = self


def penalty(self, *a, **k):
    loss = penalty_of(self, *a, **k)
    penalties.append(loss.item())
    return loss


original.Generator.__init__, original.Discriminator.__init__ = generator, critic
original.Discriminator.calc_gradient_penalty = penalty


# Of these the gradient is 0 but for rounding: batch norm takes its layer's bias away, and the critic's last bias is in
# both scores.
NO_GRADIENT = {"seq.0.fc.bias", "seq.1.fc.bias", "seq.6.bias"}


def apart(net, tensors, before):
    """The largest median difference of a tensor from ours, in what the training has moved that tensor by. A median, as
    rounding takes single units over the kink of a leaky ReLU."""
    most = 0
    for k, p in net.named_parameters():
        moved = np.median(np.abs(tensors[k] - before[k]))
        if k not in NO_GRADIENT:
            most = max(most, np.median(np.abs(p.detach().numpy() - tensors[k])) / moved)
    return most


adam = torch.optim.Adam
taken = {"critic": 0, "generator": 0}


class Adam(adam):
    def step(self, *a):
        super().step(*a)
        what = "critic" if self.param_groups[0]["params"][0] is next(nets["critic"].parameters()) else "generator"
        s, net = steps[taken[what]], nets[what]
        taken[what] += 1
        tensors = {"critic": critic_tensors, "generator": generator_tensors}[what]
        start = first[shape["generator"] :] if what == "critic" else first[: shape["generator"]]
        seen[what].append(apart(net, tensors(s.critic if what == "critic" else s.generator), tensors(start)))


seen = {"critic": [], "generator": []}
original.optim.Adam = Adam
model = original.CTGAN(epochs=1, cuda=False)
torch.set_num_threads(1)
model.fit(np.zeros((BATCH * len(steps), 1)))
for i, s in enumerate(steps):
    print(
        f"step {i + 1}: penalty {penalties[i]:.6f}, ours {s.penalty:.6f}; weights apart, in what they have moved: "
        f"critic's {seen['critic'][i]:.1e}, generator's {seen['generator'][i]:.1e}"
    )
last, s = model.loss_values.iloc[-1], steps[-1]
print(
    f"losses of the last step: critic {last['Discriminator Loss']:.6f}, ours {s.critic_loss:.6f}; generator "
    f"{last['Generator Loss']:.6f}, ours {s.generator_loss:.6f}"
)
# The generator's loss has the critic's last bias, which goes its own way: a rate a step at most.
apart = max(seen["critic"] + seen["generator"])
off = max(abs(p - s.penalty) / s.penalty for p, s in zip(penalties, steps))
critic_off = abs(last["Discriminator Loss"] - s.critic_loss)
generator_off = abs(last["Generator Loss"] - s.generator_loss)
if apart > 0.01 or max(off, critic_off) > 5e-3 or generator_off > 2e-4 * 2 * len(steps) + 5e-3:
    sys.exit("ctgan_steps_peer: FAIL: not the original's steps")
