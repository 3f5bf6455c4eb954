import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def toy():
    """Four speakers, three emotions, three views of which each tells two emotions apart; ids, facts, labels."""
    rng = np.random.default_rng(0)
    emotions = np.array(["anger", "calm", "fear"])
    codes = np.tile(np.arange(3), 28)
    n = len(codes)
    X = pd.DataFrame(index=[f"u{i:02d}" for i in range(n)])
    X["speaker"] = [f"s{i}" for i in np.repeat(np.arange(4), n // 4)]
    for view, marked in (("audio_a", 0), ("text_b", 1), ("visual_c", 2)):
        for k in range(3):
            X[f"{view}__f{k}"] = rng.normal(size=n) + 1.5 * (codes == marked)
    return X, pd.Series(emotions[codes], index=X.index, name="emotion")
