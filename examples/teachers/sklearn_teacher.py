#!/usr/bin/env python3
"""A Psephos command teacher with scikit-learn: learns one shard and prints one class index per instance.

Runs in a private folder that holds
    train-instances.npy   float32, records x shape    the records of this teacher's shard, and no others
    train-labels.npy      int64, records              their class indices
    instances.npy         float32, instances x shape  what is to be labelled
    task.json             {"classes": 10, "shape": [28, 28], "instances": 100, "shard": 0, "shards": 20, "seed": 1}
and must print exactly task["instances"] lines, each a class index from 0 to task["classes"] - 1, and end with 0.
Whatever it has to say otherwise belongs on standard error. docs/TEACHERS.md has the whole contract.

    pip install numpy scikit-learn

    # participant.toml
    [teacher]
    kind = "command"
    command = ["python3", "sklearn_teacher.py"]    # beside participant.toml
    timeout_seconds = 300
"""

import json
import sys

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def flat(path):
    values = np.load(path, allow_pickle=False)
    return values.reshape(len(values), -1)


def model(labels, seed):
    # A shard may hold one class only; most classifiers refuse to learn from that.
    if len(np.unique(labels)) < 2:
        return DummyClassifier(strategy="most_frequent")
    # Scaling is fitted on this shard alone: one person's record must not reach another teacher.
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=seed))


def main():
    with open("task.json", encoding="utf-8") as file:
        task = json.load(file)
    labels = np.load("train-labels.npy", allow_pickle=False)
    teacher = model(labels, task["seed"]).fit(flat("train-instances.npy"), labels)
    votes = teacher.predict(flat("instances.npy"))
    sys.stdout.write("".join(f"{int(vote)}\n" for vote in votes))


if __name__ == "__main__":
    main()
