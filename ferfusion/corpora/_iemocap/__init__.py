"""Readers of the text files in the release of IEMOCAP: names, evaluations, transcripts."""
