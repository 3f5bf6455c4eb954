"""Files of corpora: found, fetched, unpacked and opened safely. Knows no labels."""
