"""Tell gray prints, whatever their tone, from color photographs."""
