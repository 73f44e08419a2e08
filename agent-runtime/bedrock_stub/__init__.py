"""A local stand-in for Bedrock Runtime: Converse and ConverseStream, with the faults of the real service on demand.

It shares no code with the runtime, and botocore is its client: a mistake in one is not hidden by the other.
"""
