"""Speech emotion recognition by multi-modal fusion, as scikit-learn estimators."""

__version__ = "0.1.0"
