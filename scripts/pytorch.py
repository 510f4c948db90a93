"""The work of shared/learning/examples/learning_speed.rs in PyTorch, on one thread; prints one JSON object of processor seconds."""

import copy
import gzip
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

TEACHERS, IMAGES, EPOCHS, STEPS, BATCH, RATE = 250, 240, 10, 300, 16, 3e-3


def idx(folder, name):
    with gzip.open(f"{folder}/{name}.gz") as file:
        raw = file.read()
    dims = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def load(folder, part):
    images = torch.tensor(idx(folder, f"{part}-images-idx3-ubyte").astype(np.float32) / 255)
    return images, torch.tensor(idx(folder, f"{part}-labels-idx1-ubyte").astype(np.int64))


def teacher(images, labels):
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    adam = torch.optim.Adam(net.parameters(), RATE)
    steps, step = EPOCHS * math.ceil(len(images) / BATCH), 0
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            adam.param_groups[0]["lr"] = RATE * (1 - step / steps)
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
            step += 1
    return net


def warped(images, shift, turn, scale, shear, elastic, cutout):
    """The same changes as shared/learning/src/warp.rs: affine, elastic, and a dark square."""
    count = len(images)
    draw = lambda most: (torch.rand(count) * 2 - 1) * most
    angle, wide, high, slant = draw(math.radians(turn)), torch.exp(draw(scale)), torch.exp(draw(scale)), draw(shear)
    cos, sin = angle.cos(), angle.sin()
    first = torch.stack([wide * (cos + slant * sin), wide * (slant * cos - sin), draw(shift / 14)], 1)
    second = torch.stack([high * sin, high * cos, draw(shift / 14)], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), images.shape, align_corners=False)
    if elastic:
        nodes = torch.randn(count, 2, 5, 5) * elastic / 14
        grid = grid + F.interpolate(nodes, size=(28, 28), mode="bilinear", align_corners=True).permute(0, 2, 3, 1)
    out = F.grid_sample(images, grid, align_corners=False)
    if cutout:
        x, y, near = torch.randint(0, 28, (count, 1, 1, 1)), torch.randint(0, 28, (count, 1, 1, 1)), torch.arange(28)
        hidden = ((near.view(1, 1, 1, 28) - x).abs() < cutout / 2) & ((near.view(1, 1, 28, 1) - y).abs() < cutout / 2)
        out = out.masked_fill(hidden, 0.0)
    return out


def student(pool, labels, known):
    net = nn.Sequential(nn.Conv2d(1, 32, 5, 2), nn.ReLU(), nn.Conv2d(32, 64, 3, 2), nn.ReLU(), nn.Flatten(),
                        nn.Linear(64 * 25, 128), nn.ReLU(), nn.Linear(128, 10))
    mean, adam, share = copy.deepcopy(net), torch.optim.Adam(net.parameters(), 2e-3), torch.full((10,), 0.1)
    weak, strong = (1.0, 5.0, 0.05, 0.05, 0.0, 0), (3.0, 20.0, 0.2, 0.3, 0.8, 8)
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = 1e-3 * (1 + math.cos(math.pi * step / STEPS))
        shown, unlabeled = known[torch.randperm(len(known))[:32]], torch.randint(0, len(pool), (64,))
        with torch.no_grad():
            sure = F.softmax(net(warped(pool[unlabeled], *weak)), 1)
            share = 0.99 * share + 0.01 * sure.mean(0)
            sure = sure / share
            best, pseudo = (sure / sure.sum(1, keepdim=True)).max(1)
        out = net(torch.cat([warped(pool[shown], *weak), warped(pool[unlabeled], *strong)]))
        right = F.softmax(out[:32], 1).gather(1, labels[shown][:, None]).squeeze(1).clamp_min(1e-6)
        entropy = F.cross_entropy(out[32:], pseudo, reduction="none")
        loss = ((1 - right**0.7) / 0.7).mean() + (entropy * (best > 0.95)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            for average, weight in zip(mean.parameters(), net.parameters()):
                average.lerp_(weight, 0.005)


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    (images, labels), (pool, truth) = load(folder, "train"), load(folder, "t10k")
    flat, asked = images.flatten(1), pool[:1000].flatten(1)
    begin, right = time.process_time(), 0
    for number in range(TEACHERS):
        shard = slice(number * IMAGES, (number + 1) * IMAGES)
        net = teacher(flat[shard], labels[shard])
        with torch.no_grad():
            right += (net(asked).argmax(1) == truth[:1000]).sum().item()
    teachers = time.process_time() - begin
    begin = time.process_time()
    student(pool[:9000].unsqueeze(1), truth, torch.arange(0, 9000, 90))
    taught = time.process_time() - begin
    accuracy = right / (TEACHERS * 1000)
    print(json.dumps({"teachers_cpu_s": teachers, "teacher_accuracy": accuracy, "student_cpu_s": taught}))


main()
