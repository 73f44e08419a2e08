"""The models that agents talk to: Bedrock, and a fake one for local use."""
