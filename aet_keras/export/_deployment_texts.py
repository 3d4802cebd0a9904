"""Holds the texts of the files that start a TensorFlow Serving.

`$name` is the name of the model; `$$` one dollar. The lines of code in the
readme are for a shell that stands in the folder itself.
"""

MODELS = """\
# Which models are served, and where their versions are.
model_config_list {
  config {
    name: "$name"
    base_path: "/models/$name"
    model_platform: "tensorflow"
    # The newest version, as soon as it is there. To serve two side by side:
    # model_version_policy { specific { versions: 3 versions: 4 } }
    model_version_policy { latest { num_versions: 1 } }
  }
}
"""

BATCHING = """\
# How requests that come together are computed together. A request of more
# images than `max_batch_size` is refused. One image that cannot be read
# fails its whole batch, other clients' images in it too: they ask again.
max_batch_size { value: 32 }
# How long the first one waits for others, in microseconds.
batch_timeout_micros { value: 2000 }
# What waits beyond this is answered with UNAVAILABLE at once.
max_enqueued_batches { value: 100 }
# `num_batch_threads` is left at one a core. `allowed_batch_sizes` pads, which
# only pays on accelerators.
"""

COMPOSE = """\
# docker compose up
services:
  serving:
    # Better not older than the TensorFlow that wrote the model.
    image: tensorflow/serving:$${TENSORFLOW_SERVING_TAG:-2.20.0}
    command:
      - --model_config_file=/serving/models.config
      - --enable_batching=true
      - --batching_parameters_file=/serving/batching.config
      - --file_system_poll_wait_seconds=1
    ports:
      # It asks nobody who they are: open it to others behind something that
      # does.
      - "127.0.0.1:8500:8500"  # gRPC
      - "127.0.0.1:8501:8501"  # REST
    volumes:
      - type: bind
        source: ..
        target: /models/$name
        read_only: true
      - type: bind
        source: .
        target: /serving
        read_only: true
    healthcheck:
      # The image has neither curl nor wget.
      test:
        - CMD
        - bash
        - -c
        - >-
          exec 3<>/dev/tcp/127.0.0.1/8501 &&
          printf 'GET /v1/models/$name HTTP/1.0\\r\\n\\r\\n' >&3 &&
          grep -q AVAILABLE <&3
      interval: 5s
      timeout: 3s
      retries: 12
      start_period: 30s
    restart: unless-stopped
"""

README = """\
# Serving $name

    docker compose up
    python client_rest.py IMAGE.jpg
    python client_grpc.py IMAGE.jpg

Without Docker: `aet-keras serve ..` answers the same REST paths.

`models.config` and `batching.config` are TensorFlow Serving's own files. A
new version is served as soon as it is published, and the one before it again
after `aet-keras export .. --roll-back`.

    curl 127.0.0.1:8501/v1/models/$name
    curl 127.0.0.1:8501/v1/models/$name:classify -d '{"signature_name":
      "classify", "examples": [{"image": {"b64": "..."}}]}'

Signatures: `serving_default` (pixels), `bytes` (JPEG or PNG), `classify` and,
where the model's head is one dense layer, `embeddings`; `../N/manifest.json`
lists what they take and give.
"""
