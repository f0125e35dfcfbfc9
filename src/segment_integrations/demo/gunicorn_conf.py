"""How the demo runs gunicorn; names that an older gunicorn lacks, it ignores."""

workers = 1
threads = 4
graceful_timeout = 5
accesslog = None
control_socket_disable = True  # it would be made in the user's home directory
