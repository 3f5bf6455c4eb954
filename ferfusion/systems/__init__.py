"""Systems: one short file each, one function ``make`` and one ``CARD``. Found by looking in this folder."""
