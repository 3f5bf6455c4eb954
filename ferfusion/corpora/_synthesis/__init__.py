"""Parts of the synthetic corpus: voices, words, faces and dialogues, each a pure function of its random stream."""
