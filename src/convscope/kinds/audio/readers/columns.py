"""What files of recordings and the columns of tables that name them are usually called."""

from __future__ import annotations

from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, SPLIT_COLUMNS

SOUNDS = frozenset(
    [
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"),
        *(".caf", ".w64", ".rf64"),
    ]
)
"""How files of recordings end."""
TRANSCRIPTS = ".trans.txt"
"""How LibriSpeech's files of transcripts end: an id and words in each line."""

NAMED_SOUNDS = (
    *("audio_filepath", "audio_path", "audio_file", "audio", "sound", "recording", "wav", "wav_path"),
    *("wav_filename", "clip"),
)
"""What columns are called that can hold nothing but files of recordings."""
SOUND_COLUMNS = (*NAMED_SOUNDS, *PATH_COLUMNS)
"""Files."""
SOUND_LABEL_COLUMNS = (
    *LABEL_COLUMNS,
    *("command", "keyword", "digit", "emotion", "genre", "species", "event", "language", "speaker", "word"),
)
TRANSCRIPT_COLUMNS = (
    *("text", "transcript", "transcription", "sentence", "utterance", "words", "normalized_text"),
)
SOUND_ROLES = (SOUND_COLUMNS, SOUND_LABEL_COLUMNS, TRANSCRIPT_COLUMNS, SPLIT_COLUMNS)
"""What the columns of a table of recordings are usually called, by what they hold."""
SPEAKER_COLUMNS = ("speaker", "speaker_id", "spk", "spk_id", "client_id", "singer", "reader")
"""Who is heard: recordings of one speaker stay on one side of splits that are drawn."""
START_COLUMNS = ("offset", "start", "start_time", "begin", "onset")
"""Where a part of a file begins, in seconds."""
DURATION_COLUMNS = ("duration", "seconds")
"""How long it is."""
