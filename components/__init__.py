"""What Storefleet creates: for each area a pure `plan.py` and a `component.py` that declares the plan."""
