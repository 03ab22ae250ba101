"""The analyses of a study: frames of its patients in, typed rows without sentences out."""
